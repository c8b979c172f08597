//! Parameters that a training run starts from, `train_hyp.initial_weights`.

use std::collections::BTreeMap;
use std::path::Path;

use bcs_contracts::keys::MODEL_FILE;
use bcs_model::nets::Network;
use bcs_model::weights::{self, Load, Loaded, check_finite};
use tch::Tensor;

use crate::error::{Error, Result};

/// Parameters that a training run starts from.
pub(super) struct InitialWeights<'a> {
    path: &'a Path,
    state: BTreeMap<String, Tensor>,
}

impl<'a> InitialWeights<'a> {
    /// Reads a model package, a safetensors file or one written by PyTorch.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such file; [`Error::Model`] if it is damaged or holds NaN.
    pub(super) fn read(path: &'a Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Usage(format!(
                "train_hyp.initial_weights is {}; there is no such file or folder",
                path.display()
            )));
        }
        let state = match path.is_dir() {
            true => weights::read(&path.join(MODEL_FILE))?,
            false => weights::read(path)?,
        };
        check_finite(&state)?;
        Ok(Self { path, state })
    }

    /// Copies the parameters that the network has, too, in the same shape.
    ///
    /// # Errors
    /// [`Error::Usage`] if nothing fits.
    pub(super) fn copy_into(&self, network: &Network) -> Result<Loaded> {
        let state = self.state.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        weights::load_state(network, state.collect(), Load::Partial).map_err(|error| match error {
            bcs_model::Error::Weights(_) => {
                Error::Usage(format!("train_hyp.initial_weights is {}: {error}", self.path.display()))
            }
            error => error.into(),
        })
    }
}
