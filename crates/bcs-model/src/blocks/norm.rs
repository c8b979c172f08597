//! Normalization layers by MONAI's names (`monai.networks.layers.Norm`), with PyTorch's arguments, defaults, and
//! parameter and buffer names.

use bcs_torch::distributed::batch_norm::batch_norm;
use serde_json::Value;
use tch::nn::{Init, Path};
use tch::{Kind, Tensor};

use super::spec::LayerArguments;
use super::{Block, LayerSpec, record};
use crate::arguments::in_range;
use crate::error::{Error, argument};

/// A normalization layer.
#[derive(Debug)]
pub enum Norm {
    /// `InstanceNorm2d`: over each channel of each image.
    Instance(Statistics),
    /// `BatchNorm2d`, and `SyncBatchNorm` where processes train together: over each channel of a batch.
    Batch(Statistics),
    /// `GroupNorm`: over each group of channels of each image.
    Group {
        /// Number of groups that the channels are divided into.
        groups: i64,
        /// Trainable scale and shift per channel.
        affine: Option<[Tensor; 2]>,
        /// Added to the variance.
        eps: f64,
    },
    /// `LayerNorm` over the last dimensions.
    Layer {
        /// Sizes of those dimensions.
        shape: Vec<i64>,
        /// Trainable scale and shift per element.
        affine: Option<[Tensor; 2]>,
        /// Added to the variance.
        eps: f64,
    },
    /// `LocalResponseNorm`: over neighbouring channels.
    LocalResponse {
        /// Number of neighbouring channels.
        size: i64,
        /// Factor of the mean of squares.
        alpha: f64,
        /// Exponent.
        beta: f64,
        /// Additive constant.
        k: f64,
    },
    /// No normalization.
    Identity,
}

/// State of instance and batch normalization.
#[derive(Debug)]
pub struct Statistics {
    affine: Option<[Tensor; 2]>,
    running: Option<Running>,
    momentum: f64,
    eps: f64,
}

/// Running statistics, updated in training and used in inference.
#[derive(Debug)]
struct Running {
    mean: Tensor,
    variance: Tensor,
    batches: Tensor,
}

/// Names that [`Norm::new`] accepts.
const NAMES: &str = "INSTANCE, BATCH, INSTANCE_NVFUSER, LOCALRESPONSE, LAYER, GROUP, SYNCBATCH";

/// Largest number of elements that `LAYER` normalizes over.
const MAX_LAYER: i64 = 1 << 24;

/// Largest number of channels that `LOCALRESPONSE` averages over.
const MAX_RESPONSE: i64 = 1 << 10;

impl Norm {
    /// Creates the normalization of this name for inputs of `channels` channels; its parameters are registered under
    /// `path`. Null and an empty name give the identity.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name or argument, and for values that PyTorch refuses.
    pub fn new(path: &Path<'_>, spec: &LayerSpec, channels: i64) -> Result<Self, Error> {
        if spec.is_identity() {
            return Ok(Self::Identity);
        }
        let name = spec.name();
        let mut arguments = spec.arguments("norm");
        let norm = match name.as_str() {
            // NVFuser's kernel is for three dimensions; in two, MONAI takes InstanceNorm2d.
            "INSTANCE" | "INSTANCE_NVFUSER" => {
                Self::Instance(Statistics::new(path, &mut arguments, channels, false)?)
            }
            "BATCH" | "SYNCBATCH" => Self::Batch(Statistics::new(path, &mut arguments, channels, true)?),
            "GROUP" => Self::group(path, &mut arguments, channels)?,
            "LAYER" => Self::layer(path, &mut arguments)?,
            "LOCALRESPONSE" => Self::local_response(&mut arguments)?,
            _ => return Err(argument("norm", format!("is '{name}'; the normalizations are {NAMES}"))),
        };
        arguments.finish()?;
        Ok(norm)
    }

    fn group(path: &Path<'_>, arguments: &mut LayerArguments, channels: i64) -> Result<Self, Error> {
        let groups: i64 = arguments.require("num_groups")?;
        same_channels(arguments, "num_channels", channels)?;
        if groups < 1 || channels % groups != 0 {
            let reason = format!("is {groups}, which does not divide {channels} channels");
            return Err(arguments.error("num_groups", reason));
        }
        let eps = epsilon(arguments)?;
        let affine = scale_and_shift(path, arguments.take("affine", true)?, &[channels])?;
        Ok(Self::Group { groups, affine, eps })
    }

    fn layer(path: &Path<'_>, arguments: &mut LayerArguments) -> Result<Self, Error> {
        let given: Value = arguments.require("normalized_shape")?;
        let sizes = given.as_array().map_or(std::slice::from_ref(&given), Vec::as_slice);
        let shape: Option<Vec<i64>> = sizes.iter().map(Value::as_i64).collect();
        let elements = |shape: &Vec<i64>| {
            shape.iter().try_fold(1_i64, |product, size| product.checked_mul(*size)).unwrap_or(i64::MAX)
        };
        let valid = |shape: &Vec<i64>| {
            (1..=4).contains(&shape.len())
                && shape.iter().all(|size| *size >= 1)
                && elements(shape) <= MAX_LAYER
        };
        let shape = shape.filter(valid).ok_or_else(|| {
            let reason = format!(
                "is {given}; it must be the sizes of the last 1 to 4 dimensions, at most {MAX_LAYER} elements"
            );
            arguments.error("normalized_shape", reason)
        })?;
        let eps = epsilon(arguments)?;
        let affine: bool = arguments.take("elementwise_affine", true)?;
        let affine = scale_and_shift(path, affine, &shape)?;
        Ok(Self::Layer { shape, affine, eps })
    }

    fn local_response(arguments: &mut LayerArguments) -> Result<Self, Error> {
        let size = arguments.require("size")?;
        in_range("norm.size", size, 1, MAX_RESPONSE)?;
        Ok(Self::LocalResponse {
            size,
            alpha: arguments.take("alpha", 1e-4)?,
            beta: arguments.take("beta", 0.75)?,
            k: arguments.take("k", 1.0)?,
        })
    }

    /// Returns whether PyTorch refuses an input of this shape `[N, C, H, W]`: a mean would be taken over a single value,
    /// so that every output would be the shift.
    pub(crate) fn refuses(&self, [images, channels, height, width]: [i64; 4], train: bool) -> bool {
        match self {
            Self::Instance(statistics) => statistics.uses_input(train) && height * width == 1,
            Self::Batch(statistics) => statistics.uses_input(train) && images * height * width == 1,
            // As torch.nn.functional.group_norm checks it, over the images of the batch too.
            Self::Group { groups, .. } => images * (channels / groups) * height * width == 1,
            Self::Layer { .. } | Self::LocalResponse { .. } | Self::Identity => false,
        }
    }

    /// Returns an error if PyTorch refuses an input of this shape; see [`refuses`](Self::refuses).
    pub(crate) fn check(&self, input: &Tensor, train: bool) -> Result<(), Error> {
        let shape = input.size();
        if <[i64; 4]>::try_from(shape.as_slice()).is_ok_and(|shape| self.refuses(shape, train)) {
            return Err(Error::SingleValue { layer: self.name(), shape });
        }
        Ok(())
    }

    /// Epsilon of an instance normalization without parameters and running statistics.
    pub(crate) fn plain_instance(&self) -> Option<f64> {
        match self {
            Self::Instance(Statistics { affine: None, running: None, eps, .. }) => Some(*eps),
            _ => None,
        }
    }

    /// One of the parameters and buffers, if there are any.
    fn tensor(&self) -> Option<&Tensor> {
        match self {
            Self::Instance(statistics) | Self::Batch(statistics) => statistics.scale().or(statistics.mean()),
            Self::Group { affine, .. } | Self::Layer { affine, .. } => split(affine.as_ref()).0,
            Self::LocalResponse { .. } | Self::Identity => None,
        }
    }

    /// Class name in `torch.nn`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Instance(_) => "InstanceNorm2d",
            Self::Batch(_) => "BatchNorm2d",
            Self::Group { .. } => "GroupNorm",
            Self::Layer { .. } => "LayerNorm",
            Self::LocalResponse { .. } => "LocalResponseNorm",
            Self::Identity => "Identity",
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Instance(_) => "instance normalization",
            Self::Batch(_) => "batch normalization in training",
            Self::Group { .. } => "group normalization",
            Self::Layer { .. } => "layer normalization",
            Self::LocalResponse { .. } => "local response normalization",
            Self::Identity => "no normalization",
        }
    }
}

/// Takes the number of channels, which MONAI fills in where it is not given.
fn same_channels(arguments: &mut LayerArguments, name: &'static str, channels: i64) -> Result<(), Error> {
    let given: i64 = arguments.take(name, channels)?;
    if given == channels {
        return Ok(());
    }
    Err(arguments.error(name, format!("is {given} for a layer of {channels} channels; leave it out")))
}

fn epsilon(arguments: &mut LayerArguments) -> Result<f64, Error> {
    let eps = arguments.take("eps", 1e-5)?;
    if eps > 0.0 {
        return Ok(eps);
    }
    Err(arguments.error("eps", format!("is {eps}; it must be above 0")))
}

/// Registers a scale of ones and a shift of zeros. (`tch`'s own batch norm draws the scale from [0, 1).)
fn scale_and_shift(path: &Path<'_>, affine: bool, shape: &[i64]) -> Result<Option<[Tensor; 2]>, Error> {
    if !affine {
        return Ok(None);
    }
    let scale = path.f_var("weight", shape, Init::Const(1.0))?;
    Ok(Some([scale, path.f_var("bias", shape, Init::Const(0.0))?]))
}

impl Statistics {
    /// `default` is PyTorch's default of `affine` and `track_running_stats`.
    fn new(
        path: &Path<'_>,
        arguments: &mut LayerArguments,
        channels: i64,
        default: bool,
    ) -> Result<Self, Error> {
        same_channels(arguments, "num_features", channels)?;
        let affine = scale_and_shift(path, arguments.take("affine", default)?, &[channels])?;
        let running = arguments.take("track_running_stats", default)?.then(|| Running::new(path, channels));
        Ok(Self {
            affine,
            running: running.transpose()?,
            momentum: arguments.take("momentum", 0.1)?,
            eps: epsilon(arguments)?,
        })
    }

    /// Whether mean and variance are those of the input, not the running ones.
    fn uses_input(&self, train: bool) -> bool {
        train || self.running.is_none()
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
        Ok(input.f_instance_norm(
            self.scale(),
            self.shift(),
            self.mean(),
            self.variance(),
            self.uses_input(train),
            self.momentum,
            self.eps,
            true,
        )?)
    }

    fn batch(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        if let (true, Some(running)) = (train, &self.running) {
            let _ = tch::no_grad(|| running.batches.shallow_clone().f_add_scalar_(1))?;
        }
        if self.uses_input(train) {
            let running = self.running.as_ref().map(|running| [&running.mean, &running.variance]);
            let affine = self.affine.as_ref().map(|[scale, shift]| [scale, shift]);
            if let Some(output) = batch_norm(input, affine, running, self.momentum, self.eps)? {
                return Ok(output);
            }
        }
        Ok(input.f_batch_norm(
            self.scale(),
            self.shift(),
            self.mean(),
            self.variance(),
            self.uses_input(train),
            self.momentum,
            self.eps,
            true,
        )?)
    }
}

impl Running {
    fn new(path: &Path<'_>, channels: i64) -> Result<Self, Error> {
        let counter = Tensor::f_zeros([0_i64; 0], (Kind::Int64, path.device()))?;
        Ok(Self {
            mean: path.f_zeros_no_train("running_mean", &[channels])?,
            variance: path.f_ones_no_train("running_var", &[channels])?,
            batches: path.add("num_batches_tracked", counter, false),
        })
    }
}

impl Block for Norm {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.check(input, train)?;
        let output = self.normalize(input, train)?;
        if let Some(tensor) = self.tensor() {
            record::called(self.kind(), tensor, &output, || 0);
        }
        Ok(output)
    }
}

impl Norm {
    fn normalize(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
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
            Self::Identity => Ok(input.shallow_clone()),
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
