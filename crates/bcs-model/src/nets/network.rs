//! A network with its parameters on a device.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::{Architecture, build};
use crate::error::{Error, argument};

/// A network of any architecture, with its parameters.
#[derive(Debug)]
pub struct Network {
    variables: VarStore,
    architecture: Box<dyn Architecture>,
}

impl Network {
    /// A new network, initialised as PyTorch initialises MONAI's: after [`tch::manual_seed`], with the very
    /// parameters that `torch.manual_seed` of the same seed gives there.
    ///
    /// # Errors
    /// [`Error::UnknownNetwork`]; [`Error::Argument`].
    pub fn new(name: &str, arguments: &Map<String, Value>, device: Device) -> Result<Self, Error> {
        // Drawn on the CPU whatever the device, as PyTorch does before `.to(device)`.
        let mut variables = VarStore::new(Device::Cpu);
        let architecture = build(&variables.root(), name, arguments)?;
        variables.set_device(device);
        Ok(Self { variables, architecture })
    }

    /// Runs the network on `[N, in_channels, H, W]`, giving logits `[N, out_channels, H, W]`; `train` switches
    /// dropout and batch statistics on.
    ///
    /// # Errors
    /// [`Error::Argument`] for a size that the network can't take; [`Error::Torch`].
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.check_size(input)?;
        self.architecture.forward(input, train)
    }

    fn check_size(&self, input: &Tensor) -> Result<(), Error> {
        let size = input.size();
        let divisor = self.size_divisor();
        match size[..] {
            [_, channels, height, width]
                if channels == self.in_channels() && height % divisor[0] == 0 && width % divisor[1] == 0 =>
            {
                Ok(())
            }
            _ => Err(argument(
                "input",
                format!(
                    "the shape is {size:?}; the network takes [N, {}, H, W] with H a multiple of {} and W of {}",
                    self.in_channels(),
                    divisor[0],
                    divisor[1]
                ),
            )),
        }
    }

    /// Channels of the input.
    pub fn in_channels(&self) -> i64 {
        self.architecture.in_channels()
    }

    /// Channels of the output: classes.
    pub fn out_channels(&self) -> i64 {
        self.architecture.out_channels()
    }

    /// Height and width of the input must be multiples of these.
    pub fn size_divisor(&self) -> [i64; 2] {
        self.architecture.size_divisor()
    }

    /// Where the parameters are.
    pub fn device(&self) -> Device {
        self.variables.device()
    }

    /// The parameters, for an optimiser.
    pub fn variables(&self) -> &VarStore {
        &self.variables
    }

    /// Parameters and buffers by their `state_dict` names; the tensors share memory with the network's.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().collect()
    }

    /// How many numbers are learnt.
    pub fn parameters(&self) -> usize {
        self.variables.trainable_variables().iter().map(Tensor::numel).sum()
    }
}
