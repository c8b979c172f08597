//! `torch.nn.CrossEntropyLoss`, but zero instead of NaN for a batch without a valid pixel.

use tch::Tensor;

use super::arguments::{CLASS_WEIGHTS, Weight};
use super::batch::{Batch, total};
use super::evaluated::differentiable;
use super::own_class::{LogSoftmax, PixelTerm, Slope, Uniform};
use super::{Loss, Reduction};
use crate::error::{Error, argument};

/// `torch.nn.CrossEntropyLoss(weight, ignore_index=255, reduction, label_smoothing)`: the mean over valid pixels, weighted
/// by the weight of their class, or the sum.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropyLoss {
    /// Factor of each class.
    pub weight: Option<Vec<f64>>,
    /// Share of the target's probability that is spread over all classes, in [0, 1].
    pub label_smoothing: f64,
    /// How the losses of pixels become one number.
    pub reduction: Reduction,
}

/// The cross entropy as a term of a loss.
#[derive(Debug, Clone)]
pub(super) struct CrossEntropy {
    pub(super) weight: Option<Weight>,
    pub(super) label_smoothing: f64,
    pub(super) reduction: Reduction,
}

impl Loss for CrossEntropyLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let weight = self.weight.as_deref().map(|weights| Weight::of_all(CLASS_WEIGHTS, weights));
        let Self { label_smoothing, reduction, .. } = *self;
        let cross_entropy = CrossEntropy { weight, label_smoothing, reduction };
        differentiable(logits, target, |batch| cross_entropy.evaluate(batch, 1.0)?.finish(batch))
    }
}

impl CrossEntropy {
    /// Evaluates `lambda` times the cross entropy.
    pub(super) fn evaluate(&self, batch: &Batch, lambda: f64) -> Result<PixelTerm, Error> {
        let channels = batch.channels();
        if channels == 1 {
            return Err(argument("logits", "have 1 channel; a softmax needs at least 2"));
        }
        let weight = match &self.weight {
            Some(weight) => weight.included(0, channels)?,
            None => vec![1.0; channels as usize],
        };
        let log_softmax = LogSoftmax::new(batch, 0)?;
        let factors = log_softmax.factors(batch, &weight)?;
        let scale = match self.reduction {
            // Zero where all factors are: without valid pixels, or if their classes have no weight.
            Reduction::Mean => {
                let sum = total(&factors)?;
                sum.f_reciprocal()?.f_masked_fill(&sum.f_eq(0.0)?, 0.0)?
            }
            Reduction::Sum => batch.tensor(&[1.0])?.f_squeeze()?,
        };
        let scale = scale.f_mul_scalar(lambda)?;
        let own = factors.f_mul(&scale.f_mul_scalar(1.0 - self.label_smoothing)?)?;
        let mut value = total(&log_softmax.of_pixels(batch)?.f_mul_(&own)?)?.f_neg()?;
        let mut uniform = None;
        if self.label_smoothing > 0.0 {
            let share = scale.f_mul_scalar(self.label_smoothing / channels as f64)?;
            for (log_probability, weight) in log_softmax.classes().zip(&weight) {
                let sum = total(&log_probability?.f_mul(&batch.valid)?)?;
                value = value.f_sub(&sum.f_mul(&share)?.f_mul_scalar(*weight)?)?;
            }
            uniform = Some(Uniform { weight, share });
        }
        Ok(PixelTerm { value, log_softmax, slope: Slope { own, uniform } })
    }
}
