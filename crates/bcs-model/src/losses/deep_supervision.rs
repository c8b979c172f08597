//! `monai.losses.DeepSupervisionLoss`: a loss of each output of a deeply supervised network.

use std::str::FromStr;

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::Loss;
use crate::error::{Error, argument};

/// Factors of the outputs by MONAI's name, main output first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightMode {
    /// 1, 1, 1, …
    Same,
    /// 1, 1/2, 1/4, …, at least 1/16.
    #[default]
    Exp,
    /// 1, 1/2, 1/2, …
    Two,
}

impl FromStr for WeightMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "same" => Ok(Self::Same),
            "exp" => Ok(Self::Exp),
            "two" => Ok(Self::Two),
            _ => Err(argument("weight_mode", format!("is '{name}'; it must be same, exp or two"))),
        }
    }
}

impl WeightMode {
    fn weight(self, level: usize) -> f64 {
        match self {
            Self::Exp => 0.5_f64.powi(level.min(4) as i32),
            Self::Two if level > 0 => 0.5,
            Self::Same | Self::Two => 1.0,
        }
    }
}

/// `monai.losses.DeepSupervisionLoss`: the weighted sum of a loss over the outputs of a network, as
/// [`Network::outputs`](crate::nets::Network::outputs) returns them. A batch without a valid pixel has zero loss and zero
/// gradients, as the loss has.
#[derive(Debug)]
pub struct DeepSupervisionLoss {
    loss: Box<dyn Loss>,
    mode: WeightMode,
    weights: Option<Vec<f64>>,
}

impl DeepSupervisionLoss {
    /// Creates the loss. `weights`, one factor per output, main output first, replace those of `mode` for networks that
    /// have no more outputs than there are weights.
    pub fn new(loss: Box<dyn Loss>, mode: WeightMode, weights: Option<Vec<f64>>) -> Self {
        Self { loss, mode, weights }
    }

    /// Returns the loss of a single output.
    pub fn loss(&self) -> &dyn Loss {
        self.loss.as_ref()
    }

    /// Returns the loss of outputs `[N, C, height, width]`, main output first, against targets `[N, H, W]`, as a scalar. For
    /// an output of another size than the target, each pixel has the target at its centre.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no output, or for shapes that do not fit each other; [`Error::Torch`].
    pub fn forward(&self, outputs: &[Tensor], target: &Tensor) -> Result<Tensor, Error> {
        let mut sum: Option<Tensor> = None;
        for (level, output) in outputs.iter().enumerate() {
            // In float32, as MONAI computes it whatever the network's kind.
            let output = output.f_to_kind(Kind::Float)?;
            let loss = self.loss.forward(&output, &resized(target, &output)?)?;
            let loss = loss.f_mul_scalar(self.weight(level, outputs.len()))?;
            sum = Some(sum.map_or(Ok(loss.shallow_clone()), |sum| sum.f_add(&loss))?);
        }
        sum.ok_or_else(|| argument("outputs", "are none; deep supervision needs at least the main output"))
    }

    fn weight(&self, level: usize, levels: usize) -> f64 {
        match &self.weights {
            Some(weights) if weights.len() >= levels => weights[level],
            _ => self.mode.weight(level),
        }
    }
}

/// The target in the size of an output, by PyTorch's interpolation `nearest-exact`.
fn resized(target: &Tensor, output: &Tensor) -> Result<Tensor, Error> {
    let (shape, size) = (target.size(), output.size());
    let ([_, height, width], [_, _, output_height, output_width]) = (&shape[..], &size[..]) else {
        // The loss names the shapes in its error.
        return Ok(target.shallow_clone());
    };
    if (height, width) == (output_height, output_width) {
        return Ok(target.shallow_clone());
    }
    // libtorch interpolates floating-point numbers; class indices are exact in them.
    let values = target.f_to_kind(Kind::Float)?.f_unsqueeze(1)?;
    let values = values.f_internal_upsample_nearest_exact2d([*output_height, *output_width], None, None)?;
    Ok(values.f_squeeze_dim(1)?.f_to_kind(target.kind())?)
}
