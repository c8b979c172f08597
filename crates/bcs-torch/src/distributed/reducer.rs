//! Gradients, summed over processes while backward still runs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tch::Tensor;

use super::error::Error;
use super::group::Group;
use crate::ffi::distributed as ffi;

/// The all-reduce of a bucket of gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// When it began: when the last gradient of the bucket was there.
    pub begin: Instant,
    /// When it ended.
    pub end: Instant,
    /// Number of bytes.
    pub bytes: usize,
}

/// Sums the gradients of parameters over the processes of a group, with the `Reducer` of PyTorch's
/// `DistributedDataParallel`: buckets of gradients are reduced as soon as they are complete, while backward goes on with the
/// layers before.
#[derive(Debug)]
pub struct Reducer {
    group: Rc<Group>,
    handle: ffi::Reducer,
}

impl Reducer {
    /// Creates a reducer of parameters, which must be the same on all ranks. `bucket_bytes` is the size of a bucket; the
    /// first one has at most 1 MiB.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn new(group: Rc<Group>, parameters: &[Tensor], bucket_bytes: usize) -> Result<Self, Error> {
        let handle = ffi::Reducer::new(parameters, group.handle(), bucket_bytes)?;
        Ok(Self { group, handle })
    }

    /// Computes gradients and adds them to those of the parameters. If `sums`, the result is summed over all ranks; else it
    /// stays here, for a later call.
    ///
    /// # Errors
    /// [`Error::Lost`] if a process has died or cannot be reached; [`Error::Collective`].
    pub fn backward(&self, loss: &Tensor, sums: bool) -> Result<(), Error> {
        let failed = |error| self.group.failed("all-reduce of gradients", &error);
        if sums {
            self.group.begin();
            self.handle.prepare(loss)?;
        }
        loss.f_backward().map_err(failed)?;
        if sums { self.handle.finish().map_err(failed) } else { Ok(()) }
    }

    /// Returns the reductions since the last call.
    pub fn take_reductions(&self) -> Vec<Reduction> {
        let now = Instant::now();
        let at = |age: i64| {
            now.checked_sub(Duration::from_nanos(age.try_into().unwrap_or_default())).unwrap_or(now)
        };
        let reduction = |[begin, end, bytes]: [i64; 3]| Reduction {
            begin: at(begin),
            end: at(end),
            bytes: bytes.try_into().unwrap_or_default(),
        };
        self.handle.reductions().into_iter().map(reduction).collect()
    }
}
