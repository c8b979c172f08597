//! GPUs that trials are spread over.

use bcs_model::device;
use tch::{Cuda, Device};

/// GPUs that trials are spread over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gpus {
    /// Number of GPUs; 0 if trials train on the CPU.
    pub count: usize,
    /// Their names in `CUDA_VISIBLE_DEVICES`; empty if the trials name their GPU themselves.
    pub names: Vec<String>,
}

impl Gpus {
    /// GPUs for trials with this value of `train_hyp.device`.
    pub(super) fn of(name: &str) -> Self {
        let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
        match device::parse(name) {
            Ok(Device::Cuda(_)) if name.contains(':') => Self { count: 1, names: vec![] },
            Ok(Device::Cuda(_)) => {
                Self::named(visible.as_deref(), usize::try_from(Cuda::device_count()).unwrap_or(0))
            }
            // A device that there is not is an error of the trials.
            _ => Self { count: 0, names: vec![] },
        }
    }

    /// The first `count` of the visible GPUs.
    fn named(visible: Option<&str>, count: usize) -> Self {
        let names = match visible {
            Some(visible) => visible.split(',').map(|name| name.trim().to_owned()).take(count).collect(),
            None => (0..count).map(|index| index.to_string()).collect(),
        };
        Self { count, names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_keep_the_names_that_are_visible() {
        assert_eq!(Gpus::named(Some("3, GPU-8a"), 2).names, ["3", "GPU-8a"]);
        assert_eq!(Gpus::named(None, 2).names, ["0", "1"]);
        assert_eq!(Gpus::of("cpu"), Gpus { count: 0, names: vec![] });
        assert_eq!(Gpus::of("tpu").count, 0);
    }
}
