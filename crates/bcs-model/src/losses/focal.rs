//! `monai.losses.FocalLoss` (Lin et al., Focal loss for dense object detection, 2017).

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::arguments::{Numbers, Settings, Weight, check_one_hot, take_ignore_index};
use super::batch::{Batch, per_image, sum_of_images, total};
use super::evaluated::{Evaluated, differentiable};
use super::overlap::OverlapOptions;
use super::own_class::{LogSoftmax, PixelTerm, Slope};
use super::{Loss, Reduction};
use crate::arguments::{Parts, at_least, in_range};
use crate::error::{Error, argument};

/// `monai.losses.FocalLoss(to_onehot_y=True, use_softmax=True, weight)`, or the same with `ignore_index=255`. The mean is
/// the sum over classes and valid pixels, divided by the number of valid pixels times the number of classes.
///
/// With an `ignore_index`, MONAI divides by the number of valid pixels alone.
#[derive(Debug, Clone)]
pub struct FocalLoss {
    options: Options,
    weight: Option<Weight>,
    normalization: Normalization,
}

/// Arguments of `monai.losses.FocalLoss`, with its names. The defaults are MONAI's, but for `use_softmax` and
/// `to_onehot_y`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Whether class 0 is included; if not, the softmax is over the other classes.
    include_background: bool,
    /// Whether targets are made one-hot: always.
    to_onehot_y: bool,
    /// Focusing parameter γ.
    gamma: f64,
    /// Balancing factor α, in [0, 1]. A number with the softmax: 1 − α for class 0 and α for the others; as in MONAI, it has
    /// no effect if class 0 is not included. A number with the sigmoid: α for the class of a pixel, 1 − α for the others. A
    /// list has one per included class; with the sigmoid, the other classes of a pixel have 1.
    alpha: Option<Numbers>,
    /// How the losses of pixels and classes become one number. The sum is of their means over each image.
    reduction: Reduction,
    /// Whether probabilities are the softmax over all classes, or else a sigmoid per class.
    use_softmax: bool,
}

/// How the sum over pixels and classes is normalized.
#[derive(Debug, Clone, Copy)]
enum Normalization {
    /// The mean over pixels and classes; for the sum, over the pixels of each image.
    Elements,
    /// As with MONAI's `ignore_index`: the mean is over pixels alone.
    Pixels,
    /// As the binary cross entropy: the sum is over everything.
    Binary,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            include_background: true,
            to_onehot_y: true,
            gamma: 2.0,
            alpha: None,
            reduction: Reduction::Mean,
            use_softmax: true,
        }
    }
}

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, settings: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let options: Options = parts.take()?;
    let weight = Weight::take(&mut parts, settings)?;
    let ignore = take_ignore_index(&mut parts)? || settings.ignore;
    parts.finish()?;
    options.check()?;
    let normalization = if ignore { Normalization::Pixels } else { Normalization::Elements };
    Ok(Box::new(FocalLoss { options, weight, normalization }))
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        check_one_hot(self.to_onehot_y)?;
        at_least("gamma", self.gamma, 0.0)?;
        match &self.alpha {
            Some(Numbers::One(alpha)) => in_range("alpha", *alpha, 0.0, 1.0),
            Some(Numbers::List(alphas)) => {
                alphas.iter().try_for_each(|alpha| in_range("alpha", *alpha, 0.0, 1.0))
            }
            None => Ok(()),
        }
    }

    /// α of each included class at pixels of other classes, and at its own.
    fn alpha(&self, first: i64, classes: usize) -> Result<[Vec<f64>; 2], Error> {
        let [others, own] = match &self.alpha {
            None => [vec![1.0; classes], vec![1.0; classes]],
            Some(Numbers::One(_)) if self.use_softmax && first > 0 => {
                [vec![1.0; classes], vec![1.0; classes]]
            }
            Some(Numbers::One(alpha)) => {
                let mut own = vec![*alpha; classes];
                if self.use_softmax {
                    own[0] = 1.0 - alpha;
                }
                [vec![1.0 - alpha; classes], own]
            }
            Some(Numbers::List(alphas)) => [vec![1.0; classes], alphas.clone()],
        };
        if own.len() != classes {
            let reason = format!("has {} entries for {classes} included classes", own.len());
            return Err(argument("train_hyp.loss_arguments.alpha", reason));
        }
        Ok([others, own])
    }
}

impl FocalLoss {
    /// The focal term of `DiceFocalLoss` and `GeneralizedDiceFocalLoss`: of a sigmoid per class, without `ignore_index`.
    pub(super) fn of_sigmoid(
        common: &OverlapOptions,
        gamma: f64,
        alpha: Option<Numbers>,
        weight: Option<Weight>,
    ) -> Result<Self, Error> {
        let options = Options {
            include_background: common.include_background,
            gamma,
            alpha,
            reduction: common.reduction(),
            use_softmax: false,
            ..Options::default()
        };
        options.check()?;
        Ok(Self { options, weight, normalization: Normalization::Elements })
    }

    /// `torch.nn.BCEWithLogitsLoss(pos_weight=weight)`: the focal loss of γ = 0, with the weight for positive pixels only.
    pub(super) fn binary_cross_entropy(reduction: Reduction, weight: Option<Weight>) -> Self {
        let options = Options { gamma: 0.0, reduction, use_softmax: false, ..Options::default() };
        Self { options, weight, normalization: Normalization::Binary }
    }

    fn evaluate(&self, batch: &Batch) -> Result<Evaluated, Error> {
        if self.options.use_softmax {
            return self.evaluate_softmax(batch)?.finish(batch);
        }
        self.add_to(Evaluated::zero(batch)?, batch, 1.0)
    }

    /// −α (1 − p)^γ log p of each pixel, where p is the softmax of its class. All other classes have loss 0, and so have
    /// pixels that are ignored or of the background that is not included.
    fn evaluate_softmax(&self, batch: &Batch) -> Result<PixelTerm, Error> {
        let first = batch.first(self.options.include_background);
        let classes = batch.channels() - first;
        if classes == 1 {
            let reason = "leave one class to a softmax (of one channel, or of two without background); choose \
                          use_softmax=false";
            return Err(argument("logits", reason));
        }
        let [_, alpha] = self.options.alpha(first, classes as usize)?;
        let factors: Vec<f64> =
            alpha.iter().zip(self.weights(batch, first)?).map(|(alpha, weight)| alpha * weight).collect();
        let log_softmax = LogSoftmax::new(batch, first)?;
        let scale = self.scale(batch, classes)?;
        let factor = log_softmax.factors(batch, &factors)?.f_mul_(&scale)?;
        let log_probability = log_softmax.of_pixels(batch)?;
        // 1 − p, exact where p is close to 1; above zero, so that it can divide.
        let complement = log_probability.f_expm1()?.f_neg_()?.f_clamp_min_(f64::from(f32::MIN_POSITIVE))?;
        let focus = complement.f_pow_tensor_scalar(self.options.gamma)?.f_mul_(&factor)?;
        let value = total(&focus.f_mul(&log_probability)?)?.f_neg()?;
        // The derivative by −log p is (1 − p)^γ − γ (1 − p)^(γ − 1) p log p, with p = 1 − (1 − p).
        let opposite = complement.f_neg()?.f_add_scalar_(1.0)?;
        let own = log_probability
            .f_div(&complement)?
            .f_mul_(&opposite)?
            .f_mul_scalar_(-self.options.gamma)?
            .f_add_scalar_(1.0)?
            .f_mul_(&focus)?;
        Ok(PixelTerm { value, log_softmax, slope: Slope { own, uniform: None } })
    }

    /// Adds `lambda` times the focal loss of a sigmoid per class, channel by channel: −α (1 − p)^γ log p, where p is the
    /// probability that the sigmoid gives to the truth.
    pub(super) fn add_to(&self, sum: Evaluated, batch: &Batch, lambda: f64) -> Result<Evaluated, Error> {
        let first = batch.first(self.options.include_background);
        let classes = batch.channels() - first;
        let [mut absent, mut present] = self.options.alpha(first, classes as usize)?;
        let weights = self.weights(batch, first)?;
        let binary = matches!(self.normalization, Normalization::Binary);
        for (class, weight) in weights.into_iter().enumerate() {
            present[class] *= weight;
            if !binary {
                absent[class] *= weight;
            }
        }
        let scale = self.scale(batch, classes)?.f_mul_scalar(lambda)?;
        let Evaluated { mut value, gradient } = sum;
        for (class, channel) in (first..batch.channels()).enumerate() {
            let mut truth = batch.truth(channel)?;
            let factor = truth
                .f_mul_scalar(present[class] - absent[class])?
                .f_add_scalar_(absent[class])?
                .f_mul_(&scale)?
                .f_mul_(&batch.valid)?;
            // The logit of the opposite of the truth.
            let sign = truth.f_mul_scalar_(-2.0)?.f_add_scalar_(1.0)?;
            let against = batch.logits.f_select(1, channel)?.f_mul(&sign)?;
            let mut complement = against.f_sigmoid()?;
            let mut cross_entropy = against.f_softplus_out(&against)?;
            let focus = complement.f_pow_tensor_scalar(self.options.gamma)?.f_mul_(&factor)?;
            drop(factor);
            value = value.f_add(&total(&sum_of_images(&focus.f_mul(&cross_entropy)?)?)?)?;
            let Some(gradient) = &gradient else { continue };
            // The derivative by `against` is (1 − p)^γ (1 − p + γ p c) for the cross entropy c.
            let scaled = cross_entropy.f_mul_scalar_(self.options.gamma)?;
            let opposite = complement.f_neg()?.f_add_scalar_(1.0)?;
            let derivative = complement.f_addcmul_(&scaled, &opposite)?.f_mul_(&focus)?;
            let _ = gradient.f_select(1, channel)?.f_addcmul_(&derivative, &sign)?;
        }
        Ok(Evaluated { value, gradient })
    }

    /// Factors of the included classes.
    fn weights(&self, batch: &Batch, first: i64) -> Result<Vec<f64>, Error> {
        let classes = batch.channels() - first;
        let Some(weight) = &self.weight else { return Ok(vec![1.0; classes as usize]) };
        if classes == 1 && !matches!(self.normalization, Normalization::Binary) {
            weight.check_single_class()?;
        }
        weight.included(first, batch.channels())
    }

    /// Factor of the losses of each image, `[N, 1, 1]`.
    fn scale(&self, batch: &Batch, classes: i64) -> Result<Tensor, Error> {
        let valid = sum_of_images(&batch.valid)?;
        let divisor = match (self.options.reduction, self.normalization) {
            (Reduction::Mean, Normalization::Elements) => total(&valid)?.f_mul_scalar(classes)?,
            (Reduction::Mean, Normalization::Pixels | Normalization::Binary) => total(&valid)?,
            (Reduction::Sum, Normalization::Elements | Normalization::Pixels) => valid.shallow_clone(),
            (Reduction::Sum, Normalization::Binary) => valid.f_ones_like()?,
        };
        per_image(&divisor.f_clamp_min(1.0)?.f_reciprocal()?.f_expand_as(&valid)?)
    }
}

impl Loss for FocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| self.evaluate(batch))
    }
}
