//! Opens a model. Only this file depends on the library that runs it.

use std::num::NonZeroUsize;
use std::path::Path;

use bcs_inference::{Engine, Error, libtorch};
use bcs_model::device;

/// Opens the model at `path` on `device` (`cpu`, `cuda`, `cuda:N` or `auto`). Must be called on the thread that runs the
/// model, because libtorch applies the number of threads to the calling thread.
///
/// # Errors
/// [`Error::Model`] if the model cannot be opened or the device is not available.
pub fn open(path: &Path, device: &str, threads: Option<NonZeroUsize>) -> Result<Box<dyn Engine>, Error> {
    if let Some(threads) = threads.and_then(|threads| i32::try_from(threads.get()).ok()) {
        tch::set_num_threads(threads);
    }
    let device = device::parse(device).map_err(|error| Error::Model(error.to_string()))?;
    libtorch::open(path, device)
}
