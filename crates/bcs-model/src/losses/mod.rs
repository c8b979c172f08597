//! Loss functions, by MONAI's names. A new one is a file and a line in `LOSSES`.
//!
//! Logits are `[N, C, H, W]`; targets are class indices `[N, H, W]` (int64), or [`bcs_contracts::IGNORE`] for ignored
//! pixels, which take no part in any term. A batch without a valid pixel has zero loss and zero gradients.
//!
//! Arguments have MONAI's names and defaults, but for the activation: networks give logits, so that overlap losses take
//! the softmax, or a sigmoid per class with `sigmoid: true`, and `FocalLoss` has `use_softmax: true`. A single channel is
//! class 1 against all else, and needs the sigmoid. Arguments that make no difference to class indices are accepted:
//! `soft_label`, `other_act: null`, and an `ignore_index` of null or [`bcs_contracts::IGNORE`].
//!
//! Gradients are computed in the forward pass, in the memory of one tensor as large as the logits. They are first
//! derivatives: a gradient of a gradient is zero.

mod arguments;
mod batch;
mod cross_entropy;
mod deep_supervision;
mod dice;
mod dice_ce;
mod dice_focal;
mod evaluated;
mod focal;
mod generalized_dice;
mod generalized_dice_focal;
mod masked;
mod masked_dice;
mod overlap;
mod own_class;
mod reduction;
mod tversky;

pub use cross_entropy::CrossEntropyLoss;
pub use deep_supervision::{DeepSupervisionLoss, WeightMode};
pub use dice::DiceLoss;
pub use dice_ce::DiceCELoss;
pub use dice_focal::DiceFocalLoss;
pub use focal::FocalLoss;
pub use generalized_dice::GeneralizedDiceLoss;
pub use generalized_dice_focal::GeneralizedDiceFocalLoss;
pub use masked::MaskedLoss;
pub use masked_dice::MaskedDiceLoss;
pub use reduction::Reduction;
pub use tversky::TverskyLoss;

use serde_json::{Map, Value};
use tch::Tensor;

use self::arguments::{CLASS_WEIGHTS, Settings, check_weights};
use crate::error::{Error, argument};

/// A loss function.
pub trait Loss: Send + std::fmt::Debug {
    /// Returns the loss of logits `[N, C, H, W]` against targets `[N, H, W]`, as a scalar.
    ///
    /// # Errors
    /// [`Error::Argument`] if the shapes do not fit each other or the class weights; [`Error::Torch`].
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error>;
}

/// Builds a loss from MONAI's arguments.
type Build = fn(&Map<String, Value>, Settings) -> Result<Box<dyn Loss>, Error>;

/// All losses that training can choose.
const LOSSES: [(&str, Build); 8] = [
    ("Dice", dice::build),
    ("DiceCE", dice_ce::build),
    ("DiceFocal", dice_focal::build),
    ("Focal", focal::build),
    ("GeneralizedDice", generalized_dice::build),
    ("GeneralizedDiceFocal", generalized_dice_focal::build),
    ("MaskedDice", masked_dice::build),
    ("Tversky", tversky::build),
];

/// Losses to which MONAI gives no class weights.
const UNWEIGHTED: [&str; 2] = ["GeneralizedDice", "Tversky"];

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
        check_weights(CLASS_WEIGHTS, weights)?;
        if UNWEIGHTED.contains(name) {
            let reason = format!("is set, but the loss {name} takes no class weights; leave them out");
            return Err(argument(CLASS_WEIGHTS, reason));
        }
    }
    build(arguments, Settings { class_weights, ignore })
        .map_err(|error| error.within("train_hyp.loss_arguments"))
}
