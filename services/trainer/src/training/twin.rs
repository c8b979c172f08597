//! A bfloat16 copy of a network, which computes its gradients.

use bcs_contracts::package::Architecture;
use bcs_model::nets::Network;
use bcs_model::optim::{Parameters, copy_vector};
use tch::Tensor;

/// A copy of a network in bfloat16. Its parameters are those of the network, rounded, before each batch; running statistics
/// are returned to the network.
pub(super) struct Twin {
    network: Network,
    /// Trainable parameters, in the order of [`Parameters`].
    tensors: Vec<Tensor>,
    /// Running statistics, of the copy and of the network.
    statistics: Vec<(Tensor, Tensor)>,
}

impl Twin {
    /// Copies a network, whose parameters must have their first values.
    ///
    /// # Errors
    /// [`bcs_model::Error`] if libtorch fails.
    pub(super) fn new(architecture: &Architecture, original: &Network) -> Result<Self, bcs_model::Error> {
        let mut network = Network::new(&architecture.name, &architecture.arguments, original.device())?;
        network.to_bfloat16()?;
        let (mut tensors, mut statistics) = (Vec::new(), Vec::new());
        for ((_, tensor), (_, original)) in network.state().into_iter().zip(original.state()) {
            if original.requires_grad() {
                tensors.push(tensor);
                continue;
            }
            let mut tensor = tensor.f_set_requires_grad(false)?;
            tensor.f_copy_(&original)?;
            // A frozen parameter that was rounded is not returned.
            if tensor.f_kind()? == original.f_kind()? {
                statistics.push((tensor, original));
            }
        }
        Ok(Self { network, tensors, statistics })
    }

    /// Returns the copy.
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Returns the trainable parameters of the copy, which have the gradients.
    pub(super) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Takes over the parameters of the network.
    ///
    /// # Errors
    /// [`bcs_model::Error::Torch`].
    pub(super) fn take_over(&mut self, parameters: &Parameters) -> Result<(), bcs_model::Error> {
        copy_vector(parameters.vector(), &mut self.tensors)
    }

    /// Returns running statistics to the network.
    ///
    /// # Errors
    /// [`bcs_model::Error::Torch`].
    pub(super) fn return_statistics(&mut self) -> Result<(), bcs_model::Error> {
        tch::no_grad(|| {
            self.statistics.iter_mut().try_for_each(|(tensor, original)| original.f_copy_(tensor))
        })?;
        Ok(())
    }
}
