//! MONAI's `reduction`, from the losses of images and classes to one number.

use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::error::Error;

/// How losses become one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl TryFrom<String> for Reduction {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "mean" => Ok(Self::Mean),
            "sum" => Ok(Self::Sum),
            "none" => Err("is none, which gives many losses; training needs one: mean or sum".to_owned()),
            _ => Err(format!("is '{name}'; it must be mean or sum")),
        }
    }
}

impl Reduction {
    /// Reduces losses of any shape to a scalar.
    pub(super) fn apply(self, losses: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Mean => Ok(losses.f_mean(None::<Kind>)?),
            Self::Sum => Ok(losses.f_sum(None::<Kind>)?),
        }
    }
}
