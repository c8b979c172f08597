//! `monai.losses.FocalLoss` (Lin et al., Focal loss for dense object detection, 2017).

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use super::overlap::OverlapOptions;
use super::target::{
    check, check_one_hot, counted_channels, counted_weights, per_channel, per_class, valid_mask,
};
use super::{Loss, Reduction};
use crate::arguments::{at_least, in_range, parse};
use crate::error::{Error, argument};

/// `monai.losses.FocalLoss(to_onehot_y=True, use_softmax=True, weight)`, or the same with `ignore_index=255`. The mean is
/// the sum over classes and valid pixels, divided by the number of valid pixels times the number of classes.
///
/// With an `ignore_index`, MONAI divides by the number of valid pixels alone.
#[derive(Debug, Clone)]
pub struct FocalLoss {
    options: Options,
    weight: Option<Vec<f64>>,
    /// Whether the loss has an `ignore_index`.
    ignore: bool,
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
    /// Balancing factor α.
    alpha: Option<Alpha>,
    /// How the losses of pixels and classes become one number. The sum is of their means over each image.
    reduction: Reduction,
    /// Whether probabilities are the softmax over all classes, or else a sigmoid per class.
    use_softmax: bool,
}

/// Balancing factor α, in [0, 1].
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Value")]
pub(super) enum Alpha {
    /// With the softmax: 1 − α for class 0, α for the others. With the sigmoid: α for the class of a pixel, 1 − α for the
    /// others.
    Number(f64),
    /// One per included class. With the sigmoid, the other classes of a pixel have 1.
    PerClass(Vec<f64>),
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

impl TryFrom<Value> for Alpha {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let list = || value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        value.as_f64().map(Self::Number).or_else(|| list().map(Self::PerClass)).ok_or_else(|| {
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
    options.check()?;
    Ok(Box::new(FocalLoss { options, weight, ignore }))
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        check_one_hot(self.to_onehot_y)?;
        at_least("gamma", self.gamma, 0.0)?;
        match &self.alpha {
            Some(Alpha::Number(_)) if self.use_softmax && !self.include_background => {
                let reason =
                    "is a number, which has no effect without background; give one per included class";
                Err(argument("alpha", reason))
            }
            Some(Alpha::Number(alpha)) => in_range("alpha", *alpha, 0.0, 1.0),
            Some(Alpha::PerClass(alphas)) => {
                alphas.iter().try_for_each(|alpha| in_range("alpha", *alpha, 0.0, 1.0))
            }
            None => Ok(()),
        }
    }
}

impl FocalLoss {
    /// The focal term of `DiceFocalLoss` and `GeneralizedDiceFocalLoss`: of a sigmoid per class, without `ignore_index`.
    pub(super) fn of_sigmoid(
        common: &OverlapOptions,
        gamma: f64,
        alpha: Option<Alpha>,
        weight: Option<Vec<f64>>,
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
        Ok(Self { options, weight, ignore: false })
    }
}

impl Loss for FocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let weight = self.weight.as_deref();
        check(logits, target, weight)?;
        let valid = valid_mask(target, logits)?;
        let include_background = self.options.include_background;
        let counted = counted_channels(logits, include_background)?;
        let classes = counted.size()[1];
        let weight = counted_weights(weight, include_background, logits)?;
        let losses = if self.options.use_softmax {
            self.softmax_losses(&counted, target, &valid, weight)?
        } else {
            self.sigmoid_losses(&counted, target, &valid, weight)?
        };
        match self.options.reduction {
            Reduction::Mean => {
                let per_pixel = if self.ignore { 1 } else { classes };
                let values = valid.f_sum(None::<Kind>)?.f_mul_scalar(per_pixel)?;
                Ok(losses.f_sum(None::<Kind>)?.f_div(&values.f_clamp_min(1.0)?)?)
            }
            Reduction::Sum => {
                let of_images =
                    |values: &Tensor| values.f_sum_dim_intlist(&[2_i64, 3][..], false, None::<Kind>);
                let means = of_images(&losses)?.f_div(&of_images(&valid)?.f_clamp_min(1.0)?)?;
                Ok(means.f_sum(None::<Kind>)?)
            }
        }
    }
}

impl FocalLoss {
    /// −α (1 − p)^γ log p of each pixel, where p is the softmax of its class: `[N, 1, H, W]`. All other classes have loss 0,
    /// and so have pixels that are ignored or of the background that is not included.
    fn softmax_losses(
        &self,
        logits: &Tensor,
        target: &Tensor,
        valid: &Tensor,
        weight: Option<Tensor>,
    ) -> Result<Tensor, Error> {
        let classes = logits.size()[1];
        if classes == 1 {
            let reason = "is false, which leaves one class to a softmax; it needs at least two";
            return Err(argument("train_hyp.loss_arguments.include_background", reason));
        }
        let (included, index) = self.own_class(target, classes)?;
        let log_probability = logits.f_log_softmax(1, None::<Kind>)?.f_gather(1, &index, false)?;
        // The power of 0 has an infinite derivative for γ below 1.
        let complement =
            log_probability.f_exp()?.f_neg()?.f_add_scalar(1.0)?.f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
        let focus = complement.f_pow_tensor_scalar(self.options.gamma)?;
        let mut losses = focus.f_mul(&log_probability)?.f_neg()?.f_mul(&included)?.f_mul(valid)?;
        let alpha = self.alpha(classes)?.map(|[_, own]| per_class(&own, logits)).transpose()?;
        for factors in [alpha, weight].into_iter().flatten() {
            losses = losses.f_mul(&of_pixels(&factors, &index)?)?;
        }
        Ok(losses)
    }

    /// −α (1 − p)^γ log p of each pixel and class, where p is the probability that the class's sigmoid gives to the truth:
    /// `[N, C, H, W]`; 0 at ignored pixels.
    fn sigmoid_losses(
        &self,
        logits: &Tensor,
        target: &Tensor,
        valid: &Tensor,
        weight: Option<Tensor>,
    ) -> Result<Tensor, Error> {
        let classes = logits.size()[1];
        if weight.is_some() && classes == 1 {
            let reason =
                "are given for a single class (two without background), as MONAI refuses; leave them out";
            return Err(argument("train_hyp.class_weights", reason));
        }
        let (included, index) = self.own_class(target, classes)?;
        let own_logits = logits.f_gather(1, &index, false)?;
        // First all classes as if they were absent, then the class of each pixel, unless it is not included.
        let mut losses = self.sigmoid_loss(logits)?;
        let mut own = self.sigmoid_loss(&own_logits.f_neg()?.f_where_self(&included, &own_logits)?)?;
        if let Some([absent, present]) = self.alpha(classes)? {
            let (absent, present) = (per_class(&absent, logits)?, per_class(&present, logits)?);
            losses = losses.f_mul_(&per_channel(&absent)?)?;
            let factors =
                of_pixels(&present, &index)?.f_where_self(&included, &of_pixels(&absent, &index)?)?;
            own = own.f_mul(&factors)?;
        }
        losses = losses.f_scatter_(1, &index, &own)?.f_mul_(valid)?;
        if let Some(weight) = weight {
            losses = losses.f_mul_(&per_channel(&weight)?)?;
        }
        Ok(losses)
    }

    /// (1 − p)^γ times −log p, where p is the sigmoid of −`against`.
    fn sigmoid_loss(&self, against: &Tensor) -> Result<Tensor, Error> {
        let cross_entropy = against.f_softplus()?;
        // log(1 − p) = log sigmoid(against) = against − softplus(against).
        let focus = against.f_sub(&cross_entropy)?.f_mul_scalar_(self.options.gamma)?.f_exp_()?;
        Ok(focus.f_mul(&cross_entropy)?)
    }

    /// Whether the class of each pixel is included, and its index among the included classes: `[N, 1, H, W]`. The index of
    /// another pixel is that of any class.
    fn own_class(&self, target: &Tensor, classes: i64) -> Result<(Tensor, Tensor), Error> {
        let first = i64::from(!self.options.include_background);
        let target = target.f_unsqueeze(1)?;
        Ok((target.f_ge(first)?, target.f_sub_scalar(first)?.f_clamp(0, classes - 1)?))
    }

    /// α of each included class at pixels of other classes, and at its own.
    fn alpha(&self, classes: i64) -> Result<Option<[Vec<f64>; 2]>, Error> {
        let classes = classes as usize;
        let [others, own] = match &self.options.alpha {
            None => return Ok(None),
            Some(Alpha::Number(alpha)) => {
                let mut own = vec![*alpha; classes];
                if self.options.use_softmax {
                    own[0] = 1.0 - alpha;
                }
                [vec![1.0 - alpha; classes], own]
            }
            Some(Alpha::PerClass(alphas)) => [vec![1.0; classes], alphas.clone()],
        };
        if own.len() != classes {
            let reason = format!("has {} entries for {classes} included classes", own.len());
            return Err(argument("train_hyp.loss_arguments.alpha", reason));
        }
        Ok(Some([others, own]))
    }
}

/// Factors `[C]` per class as those of each pixel's class, `[N, 1, H, W]`.
fn of_pixels(factors: &Tensor, index: &Tensor) -> Result<Tensor, Error> {
    Ok(factors.f_index_select(0, &index.f_reshape([-1])?)?.f_view_as(index)?)
}
