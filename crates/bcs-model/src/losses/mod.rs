//! Loss functions, by MONAI's names. A new one is a file and a line in `LOSSES`.
//!
//! Logits are `[N, C, H, W]`; targets are class indices `[N, H, W]` (int64), or [`bcs_contracts::IGNORE`] for ignored
//! pixels, which take no part in any term. A batch without a valid pixel has zero loss and zero gradients.
//!
//! Arguments have MONAI's names and defaults, but for the activation: networks give logits, so that overlap losses take
//! the softmax, or a sigmoid per class with `sigmoid: true`, and `FocalLoss` has `use_softmax: true`.

mod cross_entropy;
mod deep_supervision;
mod dice;
mod dice_ce;
mod dice_focal;
mod focal;
mod generalized_dice;
mod generalized_dice_focal;
mod overlap;
mod reduction;
mod target;
mod tversky;

pub use cross_entropy::CrossEntropyLoss;
pub use deep_supervision::{DeepSupervisionLoss, WeightMode};
pub use dice::DiceLoss;
pub use dice_ce::DiceCELoss;
pub use dice_focal::DiceFocalLoss;
pub use focal::FocalLoss;
pub use generalized_dice::GeneralizedDiceLoss;
pub use generalized_dice_focal::GeneralizedDiceFocalLoss;
pub use reduction::Reduction;
pub use tversky::TverskyLoss;

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
type Weighted = fn(&Map<String, Value>, Option<Vec<f64>>, bool) -> Result<Box<dyn Loss>, Error>;

/// Builds a loss to which MONAI gives no class weights.
type Unweighted = fn(&Map<String, Value>) -> Result<Box<dyn Loss>, Error>;

enum Build {
    Weighted(Weighted),
    Unweighted(Unweighted),
}

/// All losses that training can choose.
const LOSSES: [(&str, Build); 7] = [
    ("Dice", Build::Weighted(|arguments, weight, _| dice::build(arguments, weight))),
    ("DiceCE", Build::Weighted(|arguments, weight, _| dice_ce::build(arguments, weight))),
    ("DiceFocal", Build::Weighted(|arguments, weight, _| dice_focal::build(arguments, weight))),
    ("Focal", Build::Weighted(focal::build)),
    ("GeneralizedDice", Build::Unweighted(generalized_dice::build)),
    (
        "GeneralizedDiceFocal",
        Build::Weighted(|arguments, weight, _| generalized_dice_focal::build(arguments, weight)),
    ),
    ("Tversky", Build::Unweighted(tversky::build)),
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
/// `train_hyp.class_weights`) for an unknown name or argument, for values out of range, and for class weights of a loss
/// that takes none.
pub fn build(
    name: &str,
    arguments: &Map<String, Value>,
    class_weights: Option<&[f64]>,
    ignore: bool,
) -> Result<Box<dyn Loss>, Error> {
    let Some((name, build)) = LOSSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(argument("train_hyp.loss", format!("is '{name}'; the losses are {known}")));
    };
    if let Some(weights) = class_weights {
        check_weights(weights)?;
    }
    let loss = match (build, class_weights) {
        (Build::Weighted(build), weights) => build(arguments, weights.map(<[f64]>::to_vec), ignore),
        (Build::Unweighted(build), None) => build(arguments),
        (Build::Unweighted(_), Some(_)) => {
            let reason = format!("is set, but the loss {name} takes no class weights; leave them out");
            return Err(argument("train_hyp.class_weights", reason));
        }
    };
    loss.map_err(|error| error.within("train_hyp.loss_arguments"))
}

fn check_weights(weights: &[f64]) -> Result<(), Error> {
    let valid = weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite());
    if valid && weights.iter().any(|weight| *weight > 0.0) {
        return Ok(());
    }
    let reason = format!("is {weights:?}; weights must be at least 0, and one of them above 0");
    Err(argument("train_hyp.class_weights", reason))
}
