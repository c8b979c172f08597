//! Imports and exports networks for `tests/golden/check_exports.py`, which describes them in `FOLDER/jobs.json`.
//!
//!     cargo run -p bcs-model --example export_networks -- FOLDER
//!
//! Of each job, `weights` is imported strictly, and written as `<name>.safetensors`, `<name>.torchscript.pt` and
//! `<name>.onnx`.

use std::error::Error;
use std::fs;
use std::path::Path;

use bcs_model::export;
use bcs_model::nets::Network;
use bcs_model::weights::{self, Load};
use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Device;

#[derive(Deserialize)]
struct Job {
    name: String,
    network: String,
    arguments: Map<String, Value>,
    weights: String,
    /// Height and width of the image that the network is exported for.
    size: [i64; 2],
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give a folder with jobs.json")?;
    let folder = Path::new(&folder);
    let jobs: Vec<Job> = serde_json::from_slice(&fs::read(folder.join("jobs.json"))?)?;
    for job in &jobs {
        run(job, folder).map_err(|error| format!("{}: {error}", job.name))?;
    }
    match networks().iter().find(|name| jobs.iter().all(|job| job.network != **name)) {
        Some(name) => Err(format!("no job has the network {name}").into()),
        None => Ok(()),
    }
}

fn run(job: &Job, folder: &Path) -> Result<(), Box<dyn Error>> {
    let network = Network::new(&job.network, &job.arguments, Device::Cpu)?;
    weights::load_state(&network, weights::read(&folder.join(&job.weights))?, Load::Strict)?;
    fs::write(folder.join(format!("{}.safetensors", job.name)), weights::write_safetensors(&network)?)?;
    let script = export::torchscript(&network, job.size)?;
    fs::write(folder.join(format!("{}.torchscript.pt", job.name)), script)?;
    fs::write(folder.join(format!("{}.onnx", job.name)), export::onnx(&network, job.size)?)?;
    Ok(())
}

/// Returns the names of all networks.
fn networks() -> Vec<String> {
    match Network::new("", &Map::new(), Device::Cpu) {
        Err(bcs_model::Error::UnknownNetwork { known, .. }) => known.split(", ").map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
