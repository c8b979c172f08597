//! Opens a model by its path. The one file that knows which library runs it.

use std::num::NonZeroUsize;
use std::path::Path;

use bcs_inference::{Engine, Error, libtorch};
use bcs_model::device;

/// Opens a model on the device of this name. To be called on the thread that will run it: the number of threads
/// holds for who calls.
///
/// # Errors
/// [`Error::Model`], also for a device that is not there.
pub fn open(path: &Path, device: &str, threads: Option<NonZeroUsize>) -> Result<Box<dyn Engine>, Error> {
    if let Some(threads) = threads.and_then(|threads| i32::try_from(threads.get()).ok()) {
        tch::set_num_threads(threads);
    }
    let device = device::parse(device).map_err(|error| Error::Model(error.to_string()))?;
    libtorch::open(path, device)
}
