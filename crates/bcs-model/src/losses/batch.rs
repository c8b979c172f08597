//! What all losses read: logits, labels and valid pixels.

use bcs_contracts::IGNORE;
use tch::{Kind, Tensor};

use crate::error::{Error, argument};

/// Number of classes that labels can have beside [`IGNORE`].
const MOST_CLASSES: i64 = IGNORE as i64;

/// Logits and labels of a batch. Losses compute channel by channel, with maps `[N, H, W]` in the kind of the logits: these
/// need little memory, and products with zeros and ones are several times faster than selections by booleans.
#[derive(Debug)]
pub(super) struct Batch {
    /// Logits `[N, C, H, W]`, detached; in single or double precision.
    pub(super) logits: Tensor,
    /// 1 for each valid pixel and 0 for the others, `[N, H, W]`.
    pub(super) valid: Tensor,
    /// Whether the gradient with respect to the logits is asked for.
    pub(super) differentiate: bool,
    /// Class of each pixel, `[N, H, W]`.
    labels: Tensor,
}

impl Batch {
    /// Returns an error unless logits and target fit each other.
    pub(super) fn new(logits: &Tensor, target: &Tensor) -> Result<Self, Error> {
        let (shape, target_shape) = (logits.size(), target.size());
        let [images, channels, height, width] = shape[..] else {
            return Err(argument("logits", format!("have the shape {shape:?}; a loss takes [N, C, H, W]")));
        };
        if channels > MOST_CLASSES {
            let reason = format!("have {channels} channels; there are at most {MOST_CLASSES} classes");
            return Err(argument("logits", reason));
        }
        if target_shape != [images, height, width] {
            let reason = format!("has the shape {target_shape:?}; the logits are {shape:?}");
            return Err(argument("target", reason));
        }
        let kind = if logits.kind() == Kind::Double { Kind::Double } else { Kind::Float };
        let labels = target.f_to_kind(kind)?;
        let valid = labels.f_empty_like()?;
        let _ = labels.f_ne_scalar_out(&valid, i64::from(IGNORE))?;
        Ok(Self {
            logits: logits.f_detach()?.f_to_kind(kind)?,
            valid,
            differentiate: logits.requires_grad(),
            labels,
        })
    }

    /// Takes pixels out as MONAI's masks do: their label becomes 0. `kept` is 1 for the pixels that stay and 0 for the
    /// others, `[N, H, W]`.
    pub(super) fn masked(&self, kept: &Tensor) -> Result<Self, Error> {
        let valid = self.valid.f_mul(kept)?;
        let labels = self.labels.f_mul(&valid)?;
        Ok(Self { logits: self.logits.shallow_clone(), valid, labels, ..*self })
    }

    /// Number of channels.
    pub(super) fn channels(&self) -> i64 {
        self.logits.size()[1]
    }

    /// The first channel that a loss includes. As in MONAI, a single channel is never left out.
    pub(super) fn first(&self, include_background: bool) -> i64 {
        i64::from(!include_background && self.channels() > 1)
    }

    /// 1 for each pixel of the class of a channel and 0 for the others, `[N, H, W]`. A single channel is of class 1.
    pub(super) fn truth(&self, channel: i64) -> Result<Tensor, Error> {
        let class = if self.channels() == 1 { 1 } else { channel };
        let truth = self.labels.f_empty_like()?;
        let _ = self.labels.f_eq_scalar_out(&truth, class)?;
        Ok(truth)
    }

    /// A map of zeros, `[N, H, W]`.
    pub(super) fn zeros(&self) -> Result<Tensor, Error> {
        Ok(self.valid.f_zeros_like()?)
    }

    /// Numbers as a tensor of one dimension, on the device and in the kind of the logits.
    pub(super) fn tensor(&self, numbers: &[f64]) -> Result<Tensor, Error> {
        Ok(Tensor::f_from_slice(numbers)?.f_to_kind(self.logits.kind())?.f_to_device(self.logits.device())?)
    }
}

/// Sums a map `[N, H, W]` over the pixels of each image.
pub(super) fn sum_of_images(map: &Tensor) -> Result<Tensor, Error> {
    Ok(map.f_sum_dim_intlist([1, 2].as_slice(), false, None::<Kind>)?)
}

/// The sum of all elements.
pub(super) fn total(values: &Tensor) -> Result<Tensor, Error> {
    Ok(values.f_sum(None::<Kind>)?)
}

/// A factor per image, `[N]`, as `[N, 1, 1]`.
pub(super) fn per_image(factors: &Tensor) -> Result<Tensor, Error> {
    Ok(factors.f_reshape([-1, 1, 1])?)
}
