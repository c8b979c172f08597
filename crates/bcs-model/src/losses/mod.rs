//! Loss functions, by MONAI's names, with softmax and one-hot targets. A new one is a file and a line in [`LOSSES`].
//!
//! Logits are `[N, C, H, W]`; targets are class indices `[N, H, W]` (int64), or [`bcs_contracts::IGNORE`] for ignored
//! pixels, which take no part in any term. A batch without a valid pixel has zero loss and zero gradients.

mod cross_entropy;
mod dice;
mod dice_ce;
mod dice_focal;
mod focal;
mod target;

pub use cross_entropy::CrossEntropyLoss;
pub use dice::{DiceLoss, DiceOptions};
pub use dice_ce::DiceCELoss;
pub use dice_focal::DiceFocalLoss;
pub use focal::FocalLoss;

use serde_json::{Map, Value};
use tch::Tensor;

use crate::error::{Error, argument};

/// A loss function.
pub trait Loss: Send + std::fmt::Debug {
    /// Returns the loss of logits `[N, C, H, W]` against targets `[N, H, W]`, as a scalar.
    ///
    /// # Errors
    /// [`Error::Argument`] if the shapes do not fit each other or the class weights; [`Error::Torch`].
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error>;
}

/// Builds a loss from its arguments, the class weights, and whether targets may have ignored pixels.
type Build = fn(&Map<String, Value>, Option<Vec<f64>>, bool) -> Result<Box<dyn Loss>, Error>;

/// All losses that training can choose.
const LOSSES: [(&str, Build); 3] = [
    ("DiceCE", |arguments, weight, _| dice_ce::build(arguments, weight)),
    ("DiceFocal", |arguments, weight, _| dice_focal::build(arguments, weight)),
    ("Focal", focal::build),
];

/// Returns the names that [`build`] accepts.
pub fn names() -> impl Iterator<Item = &'static str> {
    LOSSES.iter().map(|(name, _)| *name)
}

/// Builds the loss of this name, in any case. `arguments` are MONAI's; those left out have MONAI's defaults.
/// `class_weights` are one factor per class, background included. `ignore` tells whether the label map ignores any code:
/// MONAI's `FocalLoss` is normalised differently with an `ignore_index`, and whether it has one must not change from
/// batch to batch.
///
/// # Errors
/// [`Error::Argument`] with the configuration key (`train_hyp.loss`, `train_hyp.loss_arguments.…` or
/// `train_hyp.class_weights`) for an unknown name or argument and for values out of range.
pub fn build(
    name: &str,
    arguments: &Map<String, Value>,
    class_weights: Option<&[f64]>,
    ignore: bool,
) -> Result<Box<dyn Loss>, Error> {
    let Some((_, build)) = LOSSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(argument("train_hyp.loss", format!("is '{name}'; the losses are {known}")));
    };
    if let Some(weights) = class_weights {
        check_weights(weights)?;
    }
    build(arguments, class_weights.map(<[f64]>::to_vec), ignore)
        .map_err(|error| error.within("train_hyp.loss_arguments"))
}

fn check_weights(weights: &[f64]) -> Result<(), Error> {
    let valid = weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite());
    if valid && weights.iter().any(|weight| *weight > 0.0) {
        return Ok(());
    }
    let reason = format!("is {weights:?}; weights must be at least 0, and one of them above 0");
    Err(argument("train_hyp.class_weights", reason))
}
