//! What training minimises, by MONAI's names. Targets are class indices `[N, H, W]` (int64), and pixels of
//! [`IGNORE`] take no part in any term: no valid pixel, no loss and no gradient.

mod cross_entropy;
mod dice;
mod dice_ce;
mod dice_focal;
mod focal;

pub use cross_entropy::CrossEntropyLoss;
pub use dice::DiceLoss;
pub use dice_ce::DiceCELoss;
pub use dice_focal::DiceFocalLoss;
pub use focal::FocalLoss;

use tch::{Kind, Tensor};

use crate::error::{Error, argument};

/// The target value of pixels that nobody judged.
pub const IGNORE: i64 = bcs_contracts::IGNORE as i64;

/// A loss over logits `[N, C, H, W]` and targets `[N, H, W]`.
pub trait Loss: Send + std::fmt::Debug {
    /// The loss as a scalar.
    ///
    /// # Errors
    /// [`Error::Torch`] where the shapes do not fit.
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error>;
}

/// The names that [`by_name`] takes.
pub const NAMES: [&str; 3] = ["DiceCE", "DiceFocal", "Focal"];

/// The loss of this name, with softmax and, where given, a weight for each class.
///
/// # Errors
/// [`Error::Argument`] for an unknown name.
pub fn by_name(name: &str, weight: Option<&[f64]>) -> Result<Box<dyn Loss>, Error> {
    let weight = weight.map(<[f64]>::to_vec);
    match name {
        "DiceCE" => Ok(Box::new(DiceCELoss::new(weight))),
        "DiceFocal" => Ok(Box::new(DiceFocalLoss::new(weight))),
        "Focal" => Ok(Box::new(FocalLoss { weight, ..FocalLoss::default() })),
        _ => Err(argument("loss", format!("there is no loss '{name}'; there are {}", NAMES.join(", ")))),
    }
}

/// Pixels that count, as 0 and 1 in the logits' kind, `[N, 1, H, W]`.
fn validity(target: &Tensor, kind: Kind) -> Result<Tensor, Error> {
    Ok(target.f_ne(IGNORE)?.f_to_kind(kind)?.f_unsqueeze(1)?)
}

/// The target as one channel a class, `[N, C, H, W]`; all zero where the pixel is ignored.
fn one_hot(target: &Tensor, like: &Tensor, valid: &Tensor) -> Result<Tensor, Error> {
    let index = target.f_clamp_max(like.size()[1] - 1)?.f_unsqueeze(1)?;
    Ok(like.f_zeros_like()?.f_scatter_(1, &index, valid)?)
}

/// A weight for each class as `[C]`, on the logits' device.
fn class_weights(weight: Option<&[f64]>, like: &Tensor) -> Result<Option<Tensor>, Error> {
    let to_tensor = |weight: &[f64]| -> Result<Tensor, Error> {
        Ok(Tensor::f_from_slice(weight)?.f_to_kind(like.kind())?.f_to_device(like.device())?)
    };
    weight.map(to_tensor).transpose()
}
