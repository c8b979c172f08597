//! What all losses do with targets: checks, the mask of valid pixels, one-hot channels, class weights.

use bcs_contracts::IGNORE;
use tch::Tensor;

use crate::error::{Error, argument};

/// [`IGNORE`] as an element of a target.
pub(super) const IGNORE_INDEX: i64 = IGNORE as i64;

/// Returns an error unless logits, target and class weights fit each other.
pub(super) fn check(logits: &Tensor, target: &Tensor, weight: Option<&[f64]>) -> Result<(), Error> {
    let (shape, target) = (logits.size(), target.size());
    let [images, classes, height, width] = shape[..] else {
        return Err(argument("logits", format!("have the shape {shape:?}; a loss takes [N, C, H, W]")));
    };
    if classes < 2 {
        return Err(argument("logits", format!("have {classes} channel; a softmax needs at least 2")));
    }
    if target != [images, height, width] {
        return Err(argument("target", format!("has the shape {target:?}; the logits are {shape:?}")));
    }
    match weight {
        Some(weight) if weight.len() as i64 != classes => {
            let reason = format!("has {} entries for {classes} classes", weight.len());
            Err(argument("train_hyp.class_weights", reason))
        }
        _ => Ok(()),
    }
}

/// Returns an error for a `to_onehot_y` of false.
pub(super) fn check_one_hot(to_onehot_y: bool) -> Result<(), Error> {
    if to_onehot_y {
        return Ok(());
    }
    Err(argument("to_onehot_y", "is false; targets are class indices, which are always made one-hot"))
}

/// Valid (not ignored) pixels as 1 and the others as 0, in the logits' kind: `[N, 1, H, W]`.
pub(super) fn valid_mask(target: &Tensor, logits: &Tensor) -> Result<Tensor, Error> {
    Ok(target.f_ne(IGNORE_INDEX)?.f_to_kind(logits.kind())?.f_unsqueeze(1)?)
}

/// One channel per class, `[N, C, H, W]`; all zero at ignored pixels.
pub(super) fn one_hot(target: &Tensor, logits: &Tensor, valid: &Tensor) -> Result<Tensor, Error> {
    let index = target.f_clamp_max(logits.size()[1] - 1)?.f_unsqueeze(1)?;
    Ok(logits.f_zeros_like()?.f_scatter_(1, &index, valid)?)
}

/// Leaves out channel 0 unless the background is included.
pub(super) fn counted_channels(values: &Tensor, include_background: bool) -> Result<Tensor, Error> {
    let channels = values.size()[1];
    let first = i64::from(!include_background);
    Ok(values.f_narrow(1, first, channels - first)?)
}

/// Factors per class as `[C]`, on the device and in the kind of `like`.
pub(super) fn per_class(factors: &[f64], like: &Tensor) -> Result<Tensor, Error> {
    Ok(Tensor::f_from_slice(factors)?.f_to_kind(like.kind())?.f_to_device(like.device())?)
}

/// Factors of the counted classes as `[C]`, from one per class of the model.
pub(super) fn counted_weights(
    weight: Option<&[f64]>,
    include_background: bool,
    like: &Tensor,
) -> Result<Option<Tensor>, Error> {
    let counted = |weight: &[f64]| per_class(&weight[usize::from(!include_background)..], like);
    weight.map(counted).transpose()
}

/// Factors `[C]` per class as `[1, C, 1, 1]`.
pub(super) fn per_channel(factors: &Tensor) -> Result<Tensor, Error> {
    Ok(factors.f_view([1, -1, 1, 1])?)
}
