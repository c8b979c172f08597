//! Activations by MONAI's names (`monai.networks.layers.Act`), with PyTorch's arguments and defaults.

use tch::nn::Path;
use tch::{Kind, Tensor};

use super::{Block, LayerSpec};
use crate::error::{Error, argument};

/// An activation.
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
}

/// The names that [`Activation::new`] takes.
const NAMES: &str = "ELU, RELU, LEAKYRELU, PRELU, RELU6, SELU, CELU, GELU, SIGMOID, TANH, SOFTMAX, LOGSOFTMAX, \
                     SWISH, MEMSWISH, MISH";

impl Activation {
    /// The activation of this name; what it learns is registered under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for a name or argument that there is not.
    pub fn new(path: &Path<'_>, spec: &LayerSpec) -> Result<Self, Error> {
        let mut arguments = spec.arguments();
        let activation = match spec.name().as_str() {
            "ELU" => Self::Elu { alpha: arguments.take("alpha", 1.0)? },
            "RELU" => Self::Relu,
            "LEAKYRELU" => Self::LeakyRelu { negative_slope: arguments.take("negative_slope", 0.01)? },
            "PRELU" => {
                let count = arguments.take("num_parameters", 1)?;
                let init = arguments.take("init", 0.25)?;
                Self::PRelu { weight: path.var("weight", &[count], tch::nn::Init::Const(init)) }
            }
            "RELU6" => Self::Relu6,
            "SELU" => Self::Selu,
            "CELU" => Self::Celu { alpha: arguments.take("alpha", 1.0)? },
            "GELU" => Self::Gelu { approximate: arguments.take("approximate", "none".to_owned())? },
            "SIGMOID" => Self::Sigmoid,
            "TANH" => Self::Tanh,
            // On [N, C, H, W] PyTorch takes the channels where no dimension is given.
            "SOFTMAX" => Self::Softmax { dim: arguments.take("dim", 1)? },
            "LOGSOFTMAX" => Self::LogSoftmax { dim: arguments.take("dim", 1)? },
            "SWISH" => Self::Swish { alpha: arguments.take("alpha", 1.0)? },
            "MEMSWISH" => Self::Swish { alpha: 1.0 },
            "MISH" => Self::Mish,
            name => {
                return Err(argument("act", format!("there is no activation '{name}'; there are {NAMES}")));
            }
        };
        arguments.finish()?;
        Ok(activation)
    }
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
            Self::PRelu { weight } => input.f_prelu(weight)?,
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
        })
    }
}

/// max(0, x) + min(0, α(eˣ − 1)); libtorch's binding of ELU takes no α.
fn elu(input: &Tensor, alpha: f64) -> Result<Tensor, Error> {
    let below = input.f_clamp_max(0.0)?.f_expm1()?.f_mul_scalar(alpha)?;
    Ok(input.f_clamp_min(0.0)?.f_add(&below)?)
}

/// max(0, x) + min(0, α(e^(x/α) − 1))
fn celu(input: &Tensor, alpha: f64) -> Result<Tensor, Error> {
    let below = input.f_div_scalar(alpha)?.f_clamp_max(0.0)?.f_expm1()?.f_mul_scalar(alpha)?;
    Ok(input.f_clamp_min(0.0)?.f_add(&below)?)
}
