//! Models run by libtorch: packages, safetensors with their metadata, and TorchScript.

mod network;
mod torchscript;

use std::path::Path;

pub use network::NetworkEngine;
use tch::Device;
pub use torchscript::TorchScriptEngine;

use bcs_model::package::Package;

use crate::engine::Engine;
use crate::error::Error;

/// The smallest side of an image worth asking about, in pixels: a nucleus at 0.5 µm/px.
const MIN_SIDE: usize = 16;

/// Opens a model: a package folder, a `.safetensors` with its `metadata.json` beside it, or a TorchScript `.pt`.
///
/// # Errors
/// [`Error::Model`].
pub fn open(path: &Path, device: Device) -> Result<Box<dyn Engine>, Error> {
    let error = |reason: String| Error::Model(reason);
    if path.is_dir() {
        let package = Package::read(path, device).map_err(|reason| error(reason.to_string()))?;
        return Ok(Box::new(NetworkEngine::new(package, name_of(path))));
    }
    if !path.exists() {
        return Err(error(format!("there is nothing at {}", path.display())));
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors") => {
            let package = Package::read_weights(path, device).map_err(|reason| error(reason.to_string()))?;
            Ok(Box::new(NetworkEngine::new(package, name_of(path))))
        }
        Some("pt" | "pth" | "ts") => Ok(Box::new(TorchScriptEngine::open(path, device, name_of(path))?)),
        _ => Err(error(format!(
            "{} is neither a package folder nor a .safetensors nor a TorchScript .pt",
            path.display()
        ))),
    }
}

/// What a model is called whose metadata does not say: its file or folder.
fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// `cpu`, `cuda:0`
fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// The floats of a tensor in row-major order.
fn floats(tensor: &tch::Tensor) -> Result<Vec<f32>, tch::TchError> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_to_kind(tch::Kind::Float)?.f_contiguous()?;
    let mut values = vec![0.0; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}

fn engine_error(error: &impl ToString) -> Error {
    // libtorch puts a C++ stack trace behind the first line.
    Error::Engine(error.to_string().lines().next().unwrap_or_default().to_owned())
}
