//! Models run by libtorch: model packages, safetensors with their metadata, and TorchScript.

mod network;
mod torchscript;

use std::num::NonZeroUsize;
use std::path::Path;

pub use network::NetworkEngine;
use tch::Device;

use bcs_model::device;
use bcs_model::package::Package;

use crate::engine::Border;
use crate::error::Error;
use crate::model::{Model, has_extension};
use crate::options::Options;

/// Name of the engine.
const ENGINE: &str = "libtorch";

pub(crate) fn accepts(path: &Path) -> bool {
    path.is_dir() || has_extension(path, &["safetensors", "pt", "pth", "ts"])
}

/// Returns the name of the device that the options choose on this machine.
pub(crate) fn device(options: &Options) -> Result<String, Error> {
    let device = device::parse(&options.device).map_err(|error| Error::Model(error.to_string()))?;
    Ok(device_name(device))
}

/// Opens a model: a package folder, a `.safetensors` with its `metadata.json` beside it, or a TorchScript `.pt`.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Model, Error> {
    let device = device::parse(&options.device).map_err(|error| Error::Model(error.to_string()))?;
    let name = name_of(path);
    if path.is_dir() {
        return Ok(network::model(Package::read(path, device)?, &name));
    }
    if has_extension(path, &["safetensors"]) {
        return Ok(network::model(Package::read_weights(path, device)?, &name));
    }
    torchscript::open(path, device, &name)
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

/// Sets the number of threads of forward passes that this thread starts; libtorch keeps one number per thread.
fn use_threads(threads: Option<NonZeroUsize>) {
    if let Some(threads) = threads.and_then(|threads| i32::try_from(threads.get()).ok()) {
        tch::set_num_threads(threads);
    }
}

/// Copies the elements of a tensor as `f32` in row-major order.
fn copy(tensor: &tch::Tensor, values: &mut [f32]) -> Result<(), Error> {
    if tensor.numel() != values.len() {
        return Err(Error::Engine("its output has another size than its input".to_owned()));
    }
    let mut copied = || -> Result<(), tch::TchError> {
        let tensor = tensor.f_to_device(Device::Cpu)?.f_to_kind(tch::Kind::Float)?.f_contiguous()?;
        tensor.f_copy_data(values, tensor.numel())
    };
    copied().map_err(|error| engine_error(&error))
}

/// Puts a border around the input of a network.
fn pad(input: tch::Tensor, border: &Border) -> Result<tch::Tensor, tch::TchError> {
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
