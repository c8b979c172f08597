//! A network of any architecture with its parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::activations::Activations;
use super::registry::{NETWORKS, SegmentationNet, find};
use crate::error::{Error, argument};

/// A network of any architecture with its parameters on a device.
#[derive(Debug)]
pub struct Network {
    variables: VarStore,
    net: Box<dyn SegmentationNet>,
}

impl Network {
    /// Creates a network by MONAI's class name, in any case, and constructor arguments. Its parameters are initialized
    /// as PyTorch initializes MONAI's network: after [`tch::manual_seed`] they are, bit by bit, those that
    /// `torch.manual_seed` of the same seed gives there.
    ///
    /// # Errors
    /// [`Error::UnknownNetwork`]; [`Error::Argument`] for an argument that is missing, unknown or refused.
    pub fn new(name: &str, arguments: &Map<String, Value>, device: Device) -> Result<Self, Error> {
        // Initialized on the CPU whatever the device, as PyTorch does before `.to(device)`.
        let mut variables = VarStore::new(Device::Cpu);
        let net = find(NETWORKS, name)?.build(&variables.root(), arguments)?;
        variables.set_device(device);
        Ok(Self { variables, net })
    }

    /// Runs the network on images `[N, in_channels, H, W]` and returns logits `[N, out_channels, H, W]`, in training
    /// mode (dropout, batch statistics) if `train`. `FlexibleUNet` accepts some sides that are not multiples of
    /// [`size_divisor`](Self::size_divisor), and its logits may then be a row or column smaller or larger, as MONAI's.
    ///
    /// # Errors
    /// [`Error::Argument`] for a shape that the network does not accept: other channels, sides that are not multiples
    /// of [`size_divisor`](Self::size_divisor), or so small that nothing is left after pooling or that a normalization
    /// layer would get a single value per channel, which PyTorch refuses too; [`Error::Torch`].
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        Ok(self.activations(input, train)?.logits)
    }

    /// Runs the network as [`forward`](Self::forward) does, and returns the feature maps of its bottleneck beside its logits.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        self.check_shape(&input.size())?;
        self.net.activations(input, train).map_err(|error| self.explain(error, input, train))
    }

    /// Runs the network as [`forward`](Self::forward) does, and returns its logits, then those of deep supervision, each
    /// `[N, out_channels, height, width]` with the size that MONAI gives it. Which there are depends on the network, its
    /// arguments and the mode; most have none.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn outputs(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error> {
        self.check_shape(&input.size())?;
        self.net.outputs(input, train).map_err(|error| self.explain(error, input, train))
    }

    fn check_shape(&self, shape: &[i64]) -> Result<(), Error> {
        let [divisor_height, divisor_width] = self.size_divisor();
        match *shape {
            [images, channels, height, width]
                if images.min(height).min(width) > 0
                    && channels == self.in_channels()
                    && self.net.takes([height, width]) =>
            {
                Ok(())
            }
            _ => Err(argument(
                "input",
                format!(
                    "has the shape {shape:?}; the network takes [N, {}, H, W] with H a multiple of {divisor_height} and \
                     W of {divisor_width}",
                    self.in_channels(),
                ),
            )),
        }
    }

    /// Adds the least size to an error of an image that is too small.
    fn explain(&self, error: Error, input: &Tensor, train: bool) -> Error {
        match error {
            Error::SingleValue { .. } | Error::EmptyOutput { .. } => {
                self.too_small(&input.size(), train, &error)
            }
            other => other,
        }
    }

    fn too_small(&self, shape: &[i64], train: bool, cause: &Error) -> Error {
        let [height, width] = if train { self.min_training_size() } else { self.min_size() };
        let reason = format!(
            "has the shape {shape:?}, which is too small; the least size is {height}×{width} ({cause})"
        );
        argument("input", reason)
    }

    /// Returns the number of input channels.
    pub fn in_channels(&self) -> i64 {
        self.net.shapes().in_channels
    }

    /// Returns the number of output channels, which is the number of classes.
    pub fn out_channels(&self) -> i64 {
        self.net.shapes().out_channels
    }

    /// Returns the numbers that height and width of the input must be multiples of.
    pub fn size_divisor(&self) -> [i64; 2] {
        self.net.shapes().size_divisor
    }

    /// Returns the numbers that height and width of the image are divided by to give those of the logits: `[1, 1]` but for
    /// a `DynUNet` whose first stride is another.
    pub fn output_stride(&self) -> [i64; 2] {
        self.net.shapes().output_stride
    }

    /// Returns the least height and width in inference: every image with sides of at least these (and multiples of
    /// [`size_divisor`](Self::size_divisor)) is accepted. A smaller image may be accepted too if its other side is
    /// longer.
    pub fn min_size(&self) -> [i64; 2] {
        self.net.shapes().min_size
    }

    /// Returns the smallest size that is at least `size` and that the network accepts in inference.
    pub fn accepted_size(&self, size: [i64; 2]) -> [i64; 2] {
        let (least, divisor) = (self.min_size(), self.size_divisor());
        [0, 1].map(|axis| {
            let steps = size[axis].max(least[axis]) + divisor[axis] - 1;
            steps / divisor[axis] * divisor[axis]
        })
    }

    /// Returns the least height and width in training, whatever the batch size; see [`min_size`](Self::min_size).
    pub fn min_training_size(&self) -> [i64; 2] {
        self.net.shapes().min_training_size
    }

    /// Returns whether training is faster with RGB images whose channels are last in memory, as
    /// [`to_channels_last`](crate::preprocess::to_channels_last) gives them.
    pub fn prefers_channels_last(&self) -> bool {
        self.device() == Device::Cpu && self.in_channels() == 3 && self.net.prefers_channels_last()
    }

    /// Returns the device of the parameters.
    pub fn device(&self) -> Device {
        self.variables.device()
    }

    /// Returns the parameters, for an optimizer.
    pub fn variables(&self) -> &VarStore {
        &self.variables
    }

    /// Returns parameters and buffers by their `state_dict` names. The tensors share memory with the network's.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().collect()
    }

    /// Converts parameters to bfloat16, all but those of layers with running statistics, whose small changes it would lose.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn to_bfloat16(&mut self) -> Result<(), Error> {
        let state = self.state();
        let has_statistics = |name: &str| {
            name.rsplit_once('.')
                .is_some_and(|(layer, _)| state.contains_key(&format!("{layer}.running_mean")))
        };
        for (name, tensor) in &state {
            if tensor.f_kind()? == Kind::Float && !has_statistics(name) {
                tensor.shallow_clone().f_set_data(&tensor.f_to_kind(Kind::BFloat16)?)?;
            }
        }
        Ok(())
    }

    /// Excludes the parameters whose names begin with a prefix from training, and returns their number.
    pub fn freeze(&self, prefix: &str) -> usize {
        let inside = |name: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let state = self.state();
        let frozen: Vec<&Tensor> = state
            .iter()
            .filter(|(name, tensor)| tensor.requires_grad() && inside(name))
            .map(|(_, tensor)| tensor)
            .collect();
        for tensor in &frozen {
            _ = tensor.set_requires_grad(false);
        }
        frozen.len()
    }

    /// Returns the number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.variables.trainable_variables().iter().map(Tensor::numel).sum()
    }
}
