//! Exponential moving average of the parameters.

use std::collections::BTreeMap;

use tch::Tensor;

use super::parameters::{Parameters, copied};
use crate::error::Error;

/// Prefix of the averages in a saved state.
const PREFIX: &str = "ema";

/// Exponential moving average of the parameters, which often segments better than the last ones.
#[derive(Debug)]
pub struct Average {
    decay: f64,
    /// Number of updates.
    updates: i64,
    vector: Tensor,
}

impl Average {
    /// Begins with the parameters themselves.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn new(decay: f64, parameters: &Parameters) -> Result<Self, Error> {
        Ok(Self { decay, updates: 0, vector: copied(parameters.vector())? })
    }

    /// Returns the averages as one vector.
    pub fn vector(&self) -> &Tensor {
        &self.vector
    }

    /// Moves the average towards the parameters. The decay grows with the number of updates, min(decay, (1 + n) / (10 +
    /// n)), so that the average leaves the initial parameters soon.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn update(&mut self, parameters: &Parameters) -> Result<(), Error> {
        self.updates += 1;
        let updates = self.updates as f64;
        let decay = self.decay.min((1.0 + updates) / (10.0 + updates));
        tch::no_grad(|| self.vector.f_lerp_(parameters.vector(), 1.0 - decay).map(drop))?;
        Ok(())
    }

    /// Returns the state by the names of the parameters.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn state(&self, parameters: &Parameters) -> Result<BTreeMap<String, Tensor>, Error> {
        let mut state = parameters.named(PREFIX, &self.vector)?;
        state.insert(format!("{PREFIX}_updates"), Tensor::f_from_slice(&[self.updates])?);
        Ok(state)
    }

    /// Takes over a state that [`state`](Self::state) has returned.
    ///
    /// # Errors
    /// [`Error::Weights`] if it has no averages, or those of other parameters.
    pub fn load(&mut self, parameters: &Parameters, state: &BTreeMap<String, Tensor>) -> Result<(), Error> {
        let updates = state
            .get(&format!("{PREFIX}_updates"))
            .ok_or_else(|| Error::Weights(format!("missing {PREFIX}_updates")))?;
        self.updates = updates.f_int64_value(&[0])?;
        self.vector = parameters.joined(PREFIX, state)?;
        Ok(())
    }
}
