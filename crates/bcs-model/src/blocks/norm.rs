//! Normalisation by MONAI's names (`monai.networks.layers.Norm`), with PyTorch's arguments, defaults, and
//! parameter and buffer names.

use tch::nn::{Init, Path};
use tch::{Kind, Tensor};

use super::{Block, LayerSpec};
use crate::error::{Error, argument};

/// A normalisation layer.
#[derive(Debug)]
pub enum Norm {
    /// `InstanceNorm2d`: each channel of each image by itself.
    Instance(Statistics),
    /// `BatchNorm2d`, and `SyncBatchNorm` where there is one process.
    Batch(Statistics),
    /// `GroupNorm`: groups of channels of each image.
    Group {
        /// Channels are divided into so many groups.
        groups: i64,
        /// Learnt scale and shift, by channel.
        affine: Option<[Tensor; 2]>,
        /// Added to the variance.
        eps: f64,
    },
    /// `LayerNorm` over the last dimensions.
    Layer {
        /// Their sizes.
        shape: Vec<i64>,
        /// Learnt scale and shift, by element.
        affine: Option<[Tensor; 2]>,
        /// Added to the variance.
        eps: f64,
    },
    /// `LocalResponseNorm`: each channel by its neighbours.
    LocalResponse {
        /// Neighbouring channels.
        size: i64,
        /// Factor of the sum of squares.
        alpha: f64,
        /// Exponent.
        beta: f64,
        /// Added to the sum.
        k: f64,
    },
}

/// What instance and batch normalisation share.
#[derive(Debug)]
pub struct Statistics {
    affine: Option<[Tensor; 2]>,
    running: Option<Running>,
    momentum: f64,
    eps: f64,
}

/// Statistics gathered over training.
#[derive(Debug)]
struct Running {
    mean: Tensor,
    variance: Tensor,
    batches: Tensor,
}

/// The names that [`Norm::new`] takes.
const NAMES: &str = "INSTANCE, BATCH, INSTANCE_NVFUSER, LOCALRESPONSE, LAYER, GROUP, SYNCBATCH";

impl Norm {
    /// The normalisation of this name for `channels` channels; what it learns is registered under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for a name or argument that there is not, and for groups that do not divide the
    /// channels.
    pub fn new(path: &Path<'_>, spec: &LayerSpec, channels: i64) -> Result<Self, Error> {
        let mut arguments = spec.arguments();
        let name = spec.name();
        let norm = match name.as_str() {
            // NVFuser's is a faster 3-D kernel with the same numbers.
            "INSTANCE" | "INSTANCE_NVFUSER" => {
                let channels = arguments.take("num_features", channels)?;
                Self::Instance(Statistics::new(path, &mut arguments, channels, false, false)?)
            }
            "BATCH" | "SYNCBATCH" => {
                let channels = arguments.take("num_features", channels)?;
                Self::Batch(Statistics::new(path, &mut arguments, channels, true, true)?)
            }
            "GROUP" => {
                let groups = arguments.require("num_groups")?;
                let channels: i64 = arguments.take("num_channels", channels)?;
                if groups < 1 || channels % groups != 0 {
                    let reason = format!("num_groups = {groups} does not divide {channels} channels");
                    return Err(argument("norm GROUP", reason));
                }
                let eps = arguments.take("eps", 1e-5)?;
                let affine = arguments.take("affine", true)?.then(|| scale_and_shift(path, &[channels]));
                Self::Group { groups, affine, eps }
            }
            "LAYER" => {
                let shape: Vec<i64> = match arguments.require("normalized_shape")? {
                    serde_json::Value::Array(sizes) => {
                        sizes.iter().filter_map(serde_json::Value::as_i64).collect()
                    }
                    size => size.as_i64().into_iter().collect(),
                };
                let eps = arguments.take("eps", 1e-5)?;
                let affine =
                    arguments.take("elementwise_affine", true)?.then(|| scale_and_shift(path, &shape));
                Self::Layer { shape, affine, eps }
            }
            "LOCALRESPONSE" => Self::LocalResponse {
                size: arguments.require("size")?,
                alpha: arguments.take("alpha", 1e-4)?,
                beta: arguments.take("beta", 0.75)?,
                k: arguments.take("k", 1.0)?,
            },
            _ => {
                return Err(argument(
                    "norm",
                    format!("there is no normalisation '{name}'; there are {NAMES}"),
                ));
            }
        };
        arguments.finish()?;
        Ok(norm)
    }
}

/// A scale of ones and a shift of zeros. (`tch`'s own batch norm draws the scale from [0, 1), PyTorch does not.)
fn scale_and_shift(path: &Path<'_>, shape: &[i64]) -> [Tensor; 2] {
    [path.var("weight", shape, Init::Const(1.0)), path.var("bias", shape, Init::Const(0.0))]
}

impl Statistics {
    fn new(
        path: &Path<'_>,
        arguments: &mut super::spec::Arguments<'_>,
        channels: i64,
        affine: bool,
        running: bool,
    ) -> Result<Self, Error> {
        let affine = arguments.take("affine", affine)?.then(|| scale_and_shift(path, &[channels]));
        let running = arguments.take("track_running_stats", running)?.then(|| Running {
            mean: path.zeros_no_train("running_mean", &[channels]),
            variance: path.ones_no_train("running_var", &[channels]),
            batches: path.add("num_batches_tracked", Tensor::zeros([], (Kind::Int64, path.device())), false),
        });
        Ok(Self {
            affine,
            running,
            momentum: arguments.take("momentum", 0.1)?,
            eps: arguments.take("eps", 1e-5)?,
        })
    }

    fn scale(&self) -> Option<&Tensor> {
        self.affine.as_ref().map(|[scale, _]| scale)
    }

    fn shift(&self) -> Option<&Tensor> {
        self.affine.as_ref().map(|[_, shift]| shift)
    }

    fn mean(&self) -> Option<&Tensor> {
        self.running.as_ref().map(|running| &running.mean)
    }

    fn variance(&self) -> Option<&Tensor> {
        self.running.as_ref().map(|running| &running.variance)
    }

    fn instance(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let use_input = train || self.running.is_none();
        let (mean, variance) = (self.mean(), self.variance());
        let (momentum, eps) = (self.momentum, self.eps);
        Ok(input.f_instance_norm(
            self.scale(),
            self.shift(),
            mean,
            variance,
            use_input,
            momentum,
            eps,
            true,
        )?)
    }

    fn batch(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let use_input = train || self.running.is_none();
        if let (true, Some(running)) = (train, &self.running) {
            let _ = tch::no_grad(|| running.batches.shallow_clone().f_add_scalar_(1))?;
        }
        let (mean, variance) = (self.mean(), self.variance());
        let (momentum, eps) = (self.momentum, self.eps);
        Ok(input.f_batch_norm(self.scale(), self.shift(), mean, variance, use_input, momentum, eps, true)?)
    }
}

impl Block for Norm {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        match self {
            Self::Instance(statistics) => statistics.instance(input, train),
            Self::Batch(statistics) => statistics.batch(input, train),
            Self::Group { groups, affine, eps } => {
                let (scale, shift) = split(affine.as_ref());
                Ok(input.f_group_norm(*groups, scale, shift, *eps, true)?)
            }
            Self::Layer { shape, affine, eps } => {
                let (scale, shift) = split(affine.as_ref());
                Ok(input.f_layer_norm(shape.as_slice(), scale, shift, *eps, true)?)
            }
            Self::LocalResponse { size, alpha, beta, k } => local_response(input, *size, *alpha, *beta, *k),
        }
    }
}

fn split(affine: Option<&[Tensor; 2]>) -> (Option<&Tensor>, Option<&Tensor>) {
    (affine.map(|[scale, _]| scale), affine.map(|[_, shift]| shift))
}

/// x / (k + α · mean of x² over neighbouring channels)^β, as `torch.nn.functional.local_response_norm`.
fn local_response(input: &Tensor, size: i64, alpha: f64, beta: f64, k: f64) -> Result<Tensor, Error> {
    let squares = input.f_mul(input)?.f_unsqueeze(1)?;
    let padded = squares.f_constant_pad_nd([0, 0, 0, 0, size / 2, (size - 1) / 2])?;
    let mean =
        padded.f_avg_pool3d([size, 1, 1], [1, 1, 1], [0, 0, 0], false, true, None)?.f_squeeze_dim(1)?;
    let divisor = mean.f_mul_scalar(alpha)?.f_add_scalar(k)?.f_pow_tensor_scalar(beta)?;
    Ok(input.f_div(&divisor)?)
}
