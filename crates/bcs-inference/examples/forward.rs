//! Times forward passes for `scripts/bench infer`, with the network of the predecessor or that of a package.
//!
//!     cargo run --release -p bcs-inference --features libtorch,openvino --example forward [PACKAGE]
//!
//! Without a package, the parameters are random. Each line of the input names an engine, a precision, a batch size and a number
//! of passes: `openvino float32 8 10`. The answer is a line with the milliseconds of each pass as a JSON list, from bytes to
//! logits on all cores.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use bcs_contracts::keys::{GRAPH_FILE, MODEL_FILE};
use bcs_inference::{Border, Engine, Options, open};
use bcs_model::export::onnx;
use bcs_model::nets::Network;
use bcs_model::package::{self, Existing};
use bcs_model::weights::write_safetensors;
use serde_json::json;
use tch::Device;

/// Height and width of the images.
const SIDE: usize = 224;
/// Passes of a new engine that are not timed.
const UNTIMED: usize = 3;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let package = match std::env::args_os().nth(1) {
        Some(package) => package.into(),
        None => {
            write_package(folder.path())?;
            folder.path().to_owned()
        }
    };
    let mut engines: BTreeMap<String, Box<dyn Engine>> = BTreeMap::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let [engine, precision, batch, passes] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("'{line}' is not ENGINE PRECISION BATCH PASSES").into());
        };
        let (batch, passes) = (batch.parse()?, passes.parse()?);
        let (engine, untimed) = match engines.entry(format!("{engine} {precision}")) {
            Entry::Occupied(known) => (known.into_mut(), 1),
            Entry::Vacant(vacant) => {
                let options =
                    Options { engine: engine.parse()?, precision: precision.parse()?, ..Options::on("cpu") };
                let mut engine = open(&package, &options)?.engine()?;
                engine.set_threads(thread::available_parallelism()?);
                (vacant.insert(engine), UNTIMED)
            }
        };
        let times = time(engine.as_mut(), batch, untimed, passes)?;
        writeln!(io::stdout(), "{}", json!(times))?;
    }
    Ok(())
}

fn write_package(folder: &Path) -> Outcome<()> {
    let arguments = json!({
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [16, 32, 64, 128, 256],
        "strides": [2, 2, 2, 2], "num_res_units": 2,
    });
    let network = Network::new("UNet", arguments.as_object().ok_or("no arguments")?, Device::Cpu)?;
    let metadata = json!({"architecture": {"name": "UNet", "arguments": arguments}});
    let files = BTreeMap::from([
        (MODEL_FILE.to_owned(), write_safetensors(&network)?),
        (GRAPH_FILE.to_owned(), onnx(&network, [SIDE as i64; 2])?),
    ]);
    Ok(package::write(folder, serde_json::from_value(metadata)?, &files, Existing::Replace)?)
}

/// Milliseconds of each pass.
fn time(engine: &mut dyn Engine, batch: usize, untimed: usize, passes: usize) -> Outcome<Vec<f64>> {
    let pixels: Vec<u8> = (0..batch * SIDE * SIDE * 3).map(|index| (index * 31 % 251) as u8).collect();
    let mut logits = vec![0.0; batch * engine.info().classes.len() * SIDE * SIDE];
    let mut times = Vec::with_capacity(passes);
    for pass in 0..untimed + passes {
        let start = Instant::now();
        engine.run(&pixels, [batch, SIDE, SIDE], &Border::default(), &mut logits)?;
        if pass >= untimed {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}
