//! CPU or GPU, found at run time: the binaries link the CPU part of libtorch alone, and load the CUDA part where
//! it lies beside it.

use std::sync::Once;

use tch::{Cuda, Device};

use crate::error::Error;

/// The device of this name: `cpu`, `cuda` (the first GPU), `cuda:N`, or `auto` (a GPU where there is one).
///
/// # Errors
/// [`Error::Device`] for another name and for a GPU that is not there.
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
            .ok_or_else(|| error("write cpu, cuda, cuda:N or auto"))?,
    };
    if gpus == 0 {
        return Err(error("libtorch finds no CUDA GPU; write cpu or auto"));
    }
    if index >= gpus {
        return Err(error(&format!("the GPUs here are cuda:0 to cuda:{}", gpus - 1)));
    }
    Ok(Device::Cuda(index))
}

/// Loads `libtorch_cuda.so` once, where it can be found: that registers the CUDA back end.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "loading a shared library runs its initialisers")]
fn load_cuda() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // SAFETY: the library is part of the libtorch that this process has loaded already; its initialisers
        // register operators and nothing else. It stays loaded for good.
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
    fn names_are_devices_and_anything_else_says_what_to_write() {
        assert_eq!(parse("cpu").unwrap(), Device::Cpu);
        assert!(parse("auto").is_ok());
        let error = parse("gpu").unwrap_err().to_string();
        assert!(error.contains("cuda:N"), "{error}");
        assert!(parse("cuda:99").is_err());
    }
}
