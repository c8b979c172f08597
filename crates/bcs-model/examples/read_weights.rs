//! Reads files of weights and prints one JSON line each: the tensors by name, or why the file is refused.
//!
//!     cargo run -p bcs-model --example read_weights -- net.pt net.safetensors

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use bcs_model::Error;
use bcs_model::package::sha256;
use bcs_model::weights::read;
use serde_json::{Value, json};
use tch::Tensor;

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for file in std::env::args().skip(1) {
        let line = match read(Path::new(&file)).and_then(|state| describe(&state)) {
            Ok(tensors) => json!({"file": file, "tensors": tensors}),
            Err(error) => json!({"file": file, "error": error.to_string()}),
        };
        writeln!(output, "{line}")?;
        // A crash must not lose the lines before it.
        output.flush()?;
    }
    Ok(())
}

/// Returns element type, shape and checksum of the elements of each tensor.
fn describe(state: &BTreeMap<String, Tensor>) -> Result<Value, Error> {
    let describe = |(name, tensor): (&String, &Tensor)| {
        let kind = tensor.f_kind()?;
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        Ok((name.clone(), json!([format!("{kind:?}"), tensor.size(), sha256(&bytes)])))
    };
    Ok(Value::Object(state.iter().map(describe).collect::<Result<_, Error>>()?))
}
