//! The other processes in the steps of a run.

use std::rc::Rc;

use bcs_data::loader::Part;
use bcs_torch::distributed::batch_norm::synchronized;
use bcs_torch::distributed::{Group, Reducer};
use tch::Tensor;

use super::profile::{self, Profile};
use crate::config::DistributedConfig;
use crate::distributed::World;
use crate::error::{Error, Result};

/// The processes whose gradients a step takes.
pub(super) struct Ranks {
    group: Rc<Group>,
    reducer: Reducer,
}

impl Ranks {
    /// Prepares to sum the gradients of these tensors; `None` for a single process.
    ///
    /// # Errors
    /// [`Error::Distributed`].
    pub(super) fn new(world: &World, tensors: &[Tensor], config: &DistributedConfig) -> Result<Option<Self>> {
        let Some(group) = world.group() else { return Ok(None) };
        let bytes = (config.bucket_mb * 1e6) as usize;
        let reducer = Reducer::new(Rc::clone(group), tensors, bytes)?;
        Ok(Some(Self { group: Rc::clone(group), reducer }))
    }

    /// Runs `forward` with batch normalization over the tiles of all processes.
    pub(super) fn with_common_statistics<T>(&self, part: &Part, forward: impl FnOnce() -> T) -> T {
        synchronized(&self.group, part.counted > 0, forward)
    }

    /// Adds the gradient of a loss to that of the tensors, and sums it over all processes if `sums`.
    ///
    /// # Errors
    /// [`Error::Distributed`] if a process is lost.
    pub(super) fn backward(&self, loss: &Tensor, sums: bool, profile: &Profile) -> Result<()> {
        self.reducer.backward(loss, sums)?;
        for reduction in self.reducer.take_reductions() {
            profile.beside(profile::REDUCE, reduction.begin, reduction.end);
        }
        Ok(())
    }

    /// Finds out whether an error of libtorch is that of a lost process.
    pub(super) fn explain<T>(ranks: Option<&Self>, result: Result<T, bcs_model::Error>) -> Result<T> {
        result.map_err(|error| match (ranks, error) {
            (Some(ranks), bcs_model::Error::Torch(error)) => {
                ranks.group.failed("forward pass", &error).into()
            }
            (_, error) => Error::Model(error),
        })
    }
}
