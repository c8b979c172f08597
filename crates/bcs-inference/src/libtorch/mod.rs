//! Models run by libtorch: model packages, safetensors with their metadata, and TorchScript.

mod network;
mod torchscript;

use std::path::Path;

pub use network::NetworkEngine;
use tch::{Device, TchError, Tensor};
pub use torchscript::TorchScriptEngine;

use bcs_model::package::Package;

use crate::engine::{Border, Engine};
use crate::error::Error;

/// Opens a model: a package folder, a `.safetensors` with its `metadata.json` beside it, or a TorchScript `.pt`.
///
/// # Errors
/// [`Error::Model`].
pub fn open(path: &Path, device: Device) -> Result<Box<dyn Engine>, Error> {
    let name = name_of(path);
    if path.is_dir() {
        return Ok(Box::new(NetworkEngine::new(Package::read(path, device)?, &name)));
    }
    if !path.exists() {
        return Err(Error::Model(format!("{} does not exist", path.display())));
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors") => {
            let package = Package::read_weights(path, device)?;
            Ok(Box::new(NetworkEngine::new(package, &name)))
        }
        Some("pt" | "pth" | "ts") => Ok(Box::new(TorchScriptEngine::open(path, device, &name)?)),
        _ => Err(Error::Model(format!(
            "{} is not a model package (folder), a .safetensors or a TorchScript .pt",
            path.display()
        ))),
    }
}

/// Returns the name of a file without its extension, or of a folder.
fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// `cpu`, `cuda:0`, …
fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// Returns the elements of a tensor as `f32` in row-major order.
fn floats(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_to_kind(tch::Kind::Float)?.f_contiguous()?;
    let mut values = vec![0.0; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}

/// Puts a border around the input of a network.
fn pad(input: Tensor, border: &Border) -> Result<Tensor, TchError> {
    let sides = [border.left, border.right, border.top, border.bottom].map(|side| side as i64);
    if sides == [0; 4] { Ok(input) } else { input.f_pad(sides, "constant", f64::from(border.value)) }
}

impl From<bcs_model::Error> for Error {
    fn from(error: bcs_model::Error) -> Self {
        Self::Model(error.to_string())
    }
}

fn engine_error(error: &impl ToString) -> Error {
    // libtorch puts a C++ stack trace after the first line.
    Error::Engine(error.to_string().lines().next().unwrap_or_default().to_owned())
}
