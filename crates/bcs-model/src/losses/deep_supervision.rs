//! `monai.losses.DeepSupervisionLoss`: a loss over several outputs of a network.

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::Loss;
use crate::error::Error;

/// Least weight of [`WeightMode::Exp`].
const LEAST: f64 = 0.0625;

/// Weights of the outputs, the main one first. By MONAI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightMode {
    /// 1 for each.
    Same,
    /// 1, 1/2, 1/4, 1/8, and 1/16 for all others.
    #[default]
    Exp,
    /// 1 for the main output, and 1/2 for each other.
    Two,
}

/// Weighted sum of a loss over the outputs of deep supervision. The target of an output of another size is the nearest
/// pixels of the target.
#[derive(Debug)]
pub struct DeepSupervisionLoss {
    loss: Box<dyn Loss>,
    mode: WeightMode,
    weights: Option<Vec<f64>>,
}

impl DeepSupervisionLoss {
    /// Creates the loss. `weights` are used instead of the mode if there is one for each output.
    pub fn new(loss: Box<dyn Loss>, mode: WeightMode, weights: Option<Vec<f64>>) -> Self {
        Self { loss, mode, weights }
    }

    /// Returns the loss of a single output.
    pub fn loss(&self) -> &dyn Loss {
        self.loss.as_ref()
    }

    /// Returns the loss of outputs `[N, C, H, W]`, the main one first, against targets `[N, H, W]` of class indices, as a
    /// scalar.
    ///
    /// # Errors
    /// As [`Loss::forward`].
    pub fn forward(&self, outputs: &[Tensor], target: &Tensor) -> Result<Tensor, Error> {
        let mut sum = Tensor::f_zeros([0_i64; 0], (Kind::Float, target.device()))?;
        for (output, weight) in outputs.iter().zip(self.weights(outputs.len())) {
            let loss = self.loss.forward(output, &resize(target, output)?)?;
            sum = sum.f_add(&loss.f_mul_scalar(weight)?)?;
        }
        Ok(sum)
    }

    fn weights(&self, outputs: usize) -> Vec<f64> {
        if let Some(weights) = self.weights.as_ref().filter(|weights| weights.len() >= outputs) {
            return weights[..outputs].to_vec();
        }
        let weight = |level: i32| match self.mode {
            WeightMode::Two if level > 0 => 0.5,
            WeightMode::Exp => 0.5_f64.powi(level).max(LEAST),
            WeightMode::Same | WeightMode::Two => 1.0,
        };
        (0..).map(weight).take(outputs).collect()
    }
}

/// Returns the target in the size of an output.
fn resize(target: &Tensor, output: &Tensor) -> Result<Tensor, Error> {
    let size = &output.size()[2..];
    if target.size()[1..] == *size {
        return Ok(target.shallow_clone());
    }
    // Interpolation takes no integers; class indices are exact in float32.
    let channel = target.f_unsqueeze(1)?.f_to_kind(Kind::Float)?;
    let resized = channel.f_internal_upsample_nearest_exact2d(size, None, None)?;
    Ok(resized.f_squeeze_dim(1)?.f_to_kind(target.kind())?)
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn weights(mode: WeightMode, weights: Option<Vec<f64>>, outputs: usize) -> Vec<f64> {
        let loss = super::super::build("Dice", &Map::new(), None, false).unwrap();
        DeepSupervisionLoss::new(loss, mode, weights).weights(outputs)
    }

    #[test]
    fn weights_are_those_of_the_mode_unless_there_are_enough_given() {
        assert_eq!(weights(WeightMode::Exp, None, 6), [1.0, 0.5, 0.25, 0.125, 0.0625, 0.0625]);
        assert_eq!(weights(WeightMode::Two, None, 3), [1.0, 0.5, 0.5]);
        assert_eq!(weights(WeightMode::Same, Some(vec![3.0, 2.0]), 2), [3.0, 2.0]);
        assert_eq!(weights(WeightMode::Same, Some(vec![3.0, 2.0]), 3), [1.0, 1.0, 1.0]);
    }
}
