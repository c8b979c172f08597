//! `monai.losses.GeneralizedDiceLoss` (Sudre et al., Generalised Dice overlap, 2017).

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use super::Loss;
use super::arguments::Settings;
use super::batch::Batch;
use super::evaluated::{Evaluated, differentiable};
use super::overlap::{Counts, OverlapOptions, SoftLabel};
use crate::arguments::Parts;
use crate::error::Error;

/// `monai.losses.GeneralizedDiceLoss(to_onehot_y=True, softmax=True)`, over valid pixels: one minus a Dice score of all
/// classes together, in which each class is weighted by its size in the truth.
#[derive(Debug, Clone)]
pub struct GeneralizedDiceLoss {
    common: OverlapOptions,
    options: Options,
}

/// Arguments beside those of all overlap losses.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Weight of a class, from the number of its pixels in the truth.
    w_type: Weighting,
}

/// Weight of a class of n pixels.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
enum Weighting {
    /// 1 / n².
    #[default]
    Square,
    /// 1 / n.
    Simple,
    /// 1.
    Uniform,
}

impl TryFrom<String> for Weighting {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "square" => Ok(Self::Square),
            "simple" => Ok(Self::Simple),
            "uniform" => Ok(Self::Uniform),
            _ => Err(format!("is '{name}'; it must be square, simple or uniform")),
        }
    }
}

impl Weighting {
    /// Weights for the classes in the last dimension. A class without a pixel has the largest weight of the others, and 0 if
    /// these have none either.
    fn weights(self, pixels: &Tensor) -> Result<Tensor, Error> {
        let inverse = match self {
            Self::Square => pixels.f_square()?.f_reciprocal()?,
            Self::Simple => pixels.f_reciprocal()?,
            Self::Uniform => return Ok(pixels.f_ones_like()?),
        };
        let absent = pixels.f_eq(0.0)?;
        let inverse = inverse.f_masked_fill(&absent, 0.0)?;
        Ok(inverse.f_amax(-1, true)?.f_where_self(&absent, &inverse)?)
    }
}

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, _: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let loss = GeneralizedDiceLoss::take(&mut parts)?;
    parts.take::<SoftLabel>()?;
    parts.finish()?;
    Ok(Box::new(loss))
}

impl GeneralizedDiceLoss {
    /// Takes the arguments of this loss.
    pub(super) fn take(parts: &mut Parts) -> Result<Self, Error> {
        Ok(Self { common: OverlapOptions::take(parts)?, options: parts.take()? })
    }

    /// The arguments that other losses have too.
    pub(super) fn common(&self) -> &OverlapOptions {
        &self.common
    }

    /// Computes `lambda` times the loss.
    pub(super) fn evaluate(&self, batch: &Batch, lambda: f64) -> Result<Evaluated, Error> {
        self.common.evaluate(batch, false, |counts| {
            let Counts { both, predicted, actual, .. } = counts;
            let weights = self.options.w_type.weights(actual)?;
            let of_classes = |counts: &Tensor| -> Result<Tensor, Error> {
                Ok(counts.f_mul(&weights)?.f_sum_dim_intlist(-1, true, None::<Kind>)?)
            };
            let numerator = of_classes(both)?.f_mul_scalar(2.0)?;
            let denominator = of_classes(&predicted.f_add(actual)?)?;
            let losses = self.common.complement(&numerator, &denominator)?;
            Ok(self.common.reduce(&losses, counts)?.f_mul_scalar(lambda)?)
        })
    }
}

impl Loss for GeneralizedDiceLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| self.evaluate(batch, 1.0))
    }
}
