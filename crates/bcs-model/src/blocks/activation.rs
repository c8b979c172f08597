//! Activation layers by MONAI's names (`monai.networks.layers.Act`), with PyTorch's arguments and defaults.

use tch::nn::{Init, Path};
use tch::{Kind, Tensor};

use super::spec::LayerArguments;
use super::{Block, LayerSpec, record};
use crate::arguments::in_range;
use crate::error::{Error, argument};

/// An activation layer.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant is the torch.nn module of its name")]
pub enum Activation {
    Elu { alpha: f64 },
    Relu,
    LeakyRelu { negative_slope: f64 },
    PRelu { weight: Tensor },
    Relu6,
    Selu,
    Celu { alpha: f64 },
    Gelu { approximate: String },
    Sigmoid,
    Tanh,
    Softmax { dim: i64 },
    LogSoftmax { dim: i64 },
    Swish { alpha: f64 },
    Mish,
    Identity,
}

/// Names that [`Activation::new`] accepts.
const NAMES: &str = "ELU, RELU, LEAKYRELU, PRELU, RELU6, SELU, CELU, GELU, SIGMOID, TANH, SOFTMAX, LOGSOFTMAX, \
                     SWISH, MEMSWISH, MISH";

/// Names of the layers with an argument `inplace`.
const IN_PLACE: [&str; 8] = ["ELU", "RELU", "LEAKYRELU", "RELU6", "SELU", "CELU", "MEMSWISH", "MISH"];

impl Activation {
    /// Creates the activation of this name for inputs of `channels` channels; its parameters are registered under
    /// `path`. Null and an empty name give the identity.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name or argument, and for values that PyTorch refuses.
    pub fn new(path: &Path<'_>, spec: &LayerSpec, channels: i64) -> Result<Self, Error> {
        if spec.is_identity() {
            return Ok(Self::Identity);
        }
        let name = spec.name();
        let mut arguments = spec.arguments("act");
        if IN_PLACE.contains(&name.as_str()) {
            arguments.take_inplace()?;
        }
        let activation = match name.as_str() {
            "ELU" => Self::Elu { alpha: arguments.take("alpha", 1.0)? },
            "RELU" => Self::Relu,
            "LEAKYRELU" => Self::LeakyRelu { negative_slope: arguments.take("negative_slope", 0.01)? },
            "PRELU" => Self::PRelu { weight: prelu_weight(path, &mut arguments, channels)? },
            "RELU6" => Self::Relu6,
            "SELU" => Self::Selu,
            "CELU" => Self::Celu { alpha: celu_alpha(&mut arguments)? },
            "GELU" => Self::Gelu { approximate: approximation(&mut arguments)? },
            "SIGMOID" => Self::Sigmoid,
            "TANH" => Self::Tanh,
            "SOFTMAX" => Self::Softmax { dim: dimension(&mut arguments)? },
            "LOGSOFTMAX" => Self::LogSoftmax { dim: dimension(&mut arguments)? },
            "SWISH" => Self::Swish { alpha: arguments.take("alpha", 1.0)? },
            "MEMSWISH" => Self::Swish { alpha: 1.0 },
            "MISH" => Self::Mish,
            "GEGLU" => {
                let reason = "is GEGLU, which halves the width of the image: no layer behind it would fit";
                return Err(argument("act", reason));
            }
            _ => return Err(argument("act", format!("is '{name}'; the activations are {NAMES}"))),
        };
        arguments.finish()?;
        Ok(activation)
    }
}

/// Slopes of PReLU: one, or one per channel.
fn prelu_weight(path: &Path<'_>, arguments: &mut LayerArguments, channels: i64) -> Result<Tensor, Error> {
    let count: i64 = arguments.take("num_parameters", 1)?;
    if count != 1 && count != channels {
        let reason = format!("is {count}; it must be 1 or the number of channels, here {channels}");
        return Err(arguments.error("num_parameters", reason));
    }
    let init = arguments.take("init", 0.25)?;
    Ok(path.f_var("weight", &[count], Init::Const(init))?)
}

fn celu_alpha(arguments: &mut LayerArguments) -> Result<f64, Error> {
    let alpha = arguments.take("alpha", 1.0)?;
    if alpha == 0.0 {
        return Err(arguments.error("alpha", "is 0; CELU divides by it"));
    }
    Ok(alpha)
}

fn approximation(arguments: &mut LayerArguments) -> Result<String, Error> {
    let approximate: String = arguments.take("approximate", "none".to_owned())?;
    if !["none", "tanh"].contains(&approximate.as_str()) {
        return Err(arguments.error("approximate", format!("is '{approximate}'; it must be none or tanh")));
    }
    Ok(approximate)
}

/// Dimension of a softmax over `[N, C, H, W]`; for None PyTorch takes the channels.
fn dimension(arguments: &mut LayerArguments) -> Result<i64, Error> {
    let dim = arguments.take::<Option<i64>>("dim", None)?.unwrap_or(1);
    in_range("act.dim", dim, -4, 3)?;
    Ok(dim)
}

impl Block for Activation {
    fn forward(&self, input: &Tensor, _train: bool) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Elu { alpha } => elu(input, *alpha)?,
            Self::Relu => input.f_relu()?,
            Self::LeakyRelu { negative_slope } => {
                let scaled = input.f_mul_scalar(*negative_slope)?;
                input.f_where_self(&input.f_ge(0.0)?, &scaled)?
            }
            Self::PRelu { weight } => {
                let output = input.f_prelu(weight)?;
                record::called("PReLU", weight, &output, || 0);
                output
            }
            Self::Relu6 => input.f_relu6()?,
            Self::Selu => input.f_selu()?,
            Self::Celu { alpha } => celu(input, *alpha)?,
            Self::Gelu { approximate } => input.f_gelu(approximate)?,
            Self::Sigmoid => input.f_sigmoid()?,
            Self::Tanh => input.f_tanh()?,
            Self::Softmax { dim } => input.f_softmax(*dim, None::<Kind>)?,
            Self::LogSoftmax { dim } => input.f_log_softmax(*dim, None::<Kind>)?,
            Self::Swish { alpha } => input.f_mul(&input.f_mul_scalar(*alpha)?.f_sigmoid()?)?,
            Self::Mish => input.f_mish()?,
            Self::Identity => input.shallow_clone(),
        })
    }
}

/// max(0, x) + min(0, α(eˣ − 1)); `tch` has no binding of ELU with α.
fn elu(input: &Tensor, alpha: f64) -> Result<Tensor, Error> {
    let below = input.f_clamp_max(0.0)?.f_expm1()?.f_mul_scalar(alpha)?;
    Ok(input.f_clamp_min(0.0)?.f_add(&below)?)
}

/// max(0, x) + min(0, α(e^(x/α) − 1))
fn celu(input: &Tensor, alpha: f64) -> Result<Tensor, Error> {
    let below = input.f_div_scalar(alpha)?.f_clamp_max(0.0)?.f_expm1()?.f_mul_scalar(alpha)?;
    Ok(input.f_clamp_min(0.0)?.f_add(&below)?)
}
