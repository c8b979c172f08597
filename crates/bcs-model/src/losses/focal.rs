//! `monai.losses.FocalLoss` (Lin et al., 2017) with softmax and one-hot targets.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use super::Loss;
use super::target::{check, counted_channels, counted_weights, one_hot, per_class, valid_mask};
use crate::arguments::{at_least, in_range, parse};
use crate::error::{Error, argument};

/// `monai.losses.FocalLoss(to_onehot_y=True, use_softmax=True, weight)`, or the same with `ignore_index=255`: the sum over
/// classes and valid pixels, divided by the number of valid pixels times the number of classes.
///
/// With an `ignore_index`, MONAI divides by the number of valid pixels alone.
#[derive(Debug, Clone)]
pub struct FocalLoss {
    options: Options,
    weight: Option<Vec<f64>>,
    /// Whether the loss has an `ignore_index`.
    ignore: bool,
}

/// Arguments of `monai.losses.FocalLoss`, with its names and defaults.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Whether class 0 is included; if not, the softmax is over the other classes.
    include_background: bool,
    /// Focusing parameter γ.
    gamma: f64,
    /// Balancing factor α.
    alpha: Option<Alpha>,
}

/// Balancing factor α, in [0, 1].
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Value")]
enum Alpha {
    /// 1 − α for class 0, α for the others.
    Foreground(f64),
    /// One per included class.
    PerClass(Vec<f64>),
}

impl Default for Options {
    fn default() -> Self {
        Self { include_background: true, gamma: 2.0, alpha: None }
    }
}

impl TryFrom<Value> for Alpha {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let list = || value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        value.as_f64().map(Self::Foreground).or_else(|| list().map(Self::PerClass)).ok_or_else(|| {
            format!("is {value}; it must be a number in [0, 1], or a list with one per included class")
        })
    }
}

/// Builds the loss from MONAI's arguments and one weight per class.
pub(super) fn build(
    arguments: &Map<String, Value>,
    weight: Option<Vec<f64>>,
    ignore: bool,
) -> Result<Box<dyn Loss>, Error> {
    let options: Options = parse(arguments)?;
    at_least("gamma", options.gamma, 0.0)?;
    match &options.alpha {
        Some(Alpha::Foreground(_)) if !options.include_background => {
            let reason = "is a number, which has no effect without background; give one per included class";
            return Err(argument("alpha", reason));
        }
        Some(Alpha::Foreground(alpha)) => in_range("alpha", *alpha, 0.0, 1.0)?,
        Some(Alpha::PerClass(alphas)) => {
            alphas.iter().try_for_each(|alpha| in_range("alpha", *alpha, 0.0, 1.0))?;
        }
        None => {}
    }
    Ok(Box::new(FocalLoss { options, weight, ignore }))
}

impl Loss for FocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        check(logits, target, self.weight.as_deref())?;
        let Options { include_background, gamma, .. } = self.options;
        if !include_background && logits.size()[1] == 2 {
            let reason = "is false, which leaves one class to a softmax; it needs at least two";
            return Err(argument("train_hyp.loss_arguments.include_background", reason));
        }
        let valid = valid_mask(target, logits)?;
        let truth = counted_channels(&one_hot(target, logits, &valid)?, include_background)?;
        let log_probability = counted_channels(logits, include_background)?.f_log_softmax(1, None::<Kind>)?;
        let focus = log_probability.f_exp()?.f_neg()?.f_add_scalar(1.0)?.f_pow_tensor_scalar(gamma)?;
        let mut loss = focus.f_mul(&log_probability)?.f_mul(&truth)?.f_neg()?;
        let weight = counted_weights(self.weight.as_deref(), include_background, logits)?;
        for factor in [self.alpha(truth.size()[1], logits)?, weight].into_iter().flatten() {
            loss = loss.f_mul(&factor.f_view([1, -1, 1, 1])?)?;
        }
        let per_pixel = if self.ignore { 1 } else { truth.size()[1] };
        let values = valid.f_sum(logits.kind())?.f_mul_scalar(per_pixel)?;
        Ok(loss.f_sum(logits.kind())?.f_div(&values.f_clamp_min(1.0)?)?)
    }
}

impl FocalLoss {
    /// α per included class.
    fn alpha(&self, classes: i64, like: &Tensor) -> Result<Option<Tensor>, Error> {
        let alphas = match &self.options.alpha {
            None => return Ok(None),
            Some(Alpha::Foreground(alpha)) => {
                let foreground = std::iter::repeat_n(*alpha, classes as usize - 1);
                std::iter::once(1.0 - alpha).chain(foreground).collect()
            }
            Some(Alpha::PerClass(alphas)) => alphas.clone(),
        };
        if alphas.len() as i64 != classes {
            let reason = format!("has {} entries for {classes} included classes", alphas.len());
            return Err(argument("train_hyp.loss_arguments.alpha", reason));
        }
        per_class(&alphas, like).map(Some)
    }
}
