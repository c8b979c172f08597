//! CPU or GPU, chosen at run time: binaries link the CPU part of libtorch only and load the CUDA part if it is there.

use std::sync::Once;

use tch::{Cuda, Device};

use crate::error::Error;

/// Returns the device of this name: `cpu`, `cuda` (the first GPU), `cuda:N`, or `auto` (the first GPU if there is one,
/// else the CPU).
///
/// # Errors
/// [`Error::Device`] for another name and for a GPU that does not exist.
pub fn parse(name: &str) -> Result<Device, Error> {
    let error = |reason: &str| Error::Device { name: name.to_owned(), reason: reason.to_owned() };
    if name == "cpu" {
        return Ok(Device::Cpu);
    }
    load_cuda();
    let gpus = usize::try_from(Cuda::device_count()).unwrap_or(0);
    let index = match name {
        "auto" if gpus == 0 => return Ok(Device::Cpu),
        "auto" | "cuda" => 0,
        _ => name
            .strip_prefix("cuda:")
            .and_then(|index| index.parse().ok())
            .ok_or_else(|| error("it must be cpu, cuda, cuda:N or auto"))?,
    };
    if gpus == 0 {
        return Err(error("libtorch finds no CUDA GPU; use cpu or auto"));
    }
    if index >= gpus {
        return Err(error(&format!("the GPUs are cuda:0 to cuda:{}", gpus - 1)));
    }
    Ok(Device::Cuda(index))
}

/// Loads `libtorch_cuda.so` once, if it can be found, which registers the CUDA backend.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "loading a shared library runs its initializers")]
fn load_cuda() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // SAFETY: the library is part of the libtorch that this process has loaded already; its initializers only
        // register operators. It is never unloaded.
        if let Ok(library) = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
            std::mem::forget(library);
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn load_cuda() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_errors_that_list_the_known() {
        assert_eq!(parse("cpu").unwrap(), Device::Cpu);
        assert!(parse("auto").is_ok());
        let error = parse("gpu").unwrap_err().to_string();
        assert!(error.contains("cuda:N"), "{error}");
        assert!(parse("cuda:99").is_err());
    }
}
