//! The parameters of a network as one vector.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use crate::error::Error;
use crate::nets::Network;

/// The trainable parameters of a network as one float32 vector, of which the tensors of the network are copies.
#[derive(Debug)]
pub struct Parameters {
    names: Vec<String>,
    tensors: Vec<Tensor>,
    vector: Tensor,
}

impl Parameters {
    /// Copies the trainable parameters of a network, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are none; [`Error::Torch`].
    pub fn new(network: &Network) -> Result<Self, Error> {
        Self::of(network.state().into_iter().filter(|(_, tensor)| tensor.requires_grad()).collect())
    }

    /// Copies these parameters.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are none; [`Error::Torch`].
    pub fn of(parameters: Vec<(String, Tensor)>) -> Result<Self, Error> {
        let (names, tensors): (Vec<_>, Vec<_>) = parameters.into_iter().unzip();
        if tensors.is_empty() {
            return Err(crate::error::argument("parameters", "are all frozen; leave some to train"));
        }
        let vector = concatenated(&tensors)?;
        Ok(Self { names, tensors, vector })
    }

    /// Returns all parameters, float32.
    pub fn vector(&self) -> &Tensor {
        &self.vector
    }

    /// Returns the tensors of the network.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Returns the gradients of tensors of the same shapes as the network's, as one float32 vector. Where a tensor took no
    /// part in the loss, its gradient is zero.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn gradient(tensors: &[Tensor]) -> Result<Tensor, Error> {
        let gradients: Vec<Tensor> = tensors
            .iter()
            .map(|tensor| {
                let gradient = tensor.grad();
                if gradient.defined() { Ok(gradient) } else { tensor.f_zeros_like() }
            })
            .collect::<Result<_, _>>()?;
        concatenated(&gradients)
    }

    /// Replaces all parameters, also those of the network, and returns those before.
    ///
    /// # Errors
    /// [`Error::Torch`] for a vector of another length.
    pub fn replace(&mut self, vector: &Tensor) -> Result<Tensor, Error> {
        let before = tch::no_grad(|| -> Result<Tensor, Error> {
            let before = copied(&self.vector)?;
            self.vector.f_copy_(vector)?;
            Ok(before)
        })?;
        self.copy_to_network()?;
        Ok(before)
    }

    /// Copies the vector into the tensors of the network.
    pub(super) fn copy_to_network(&mut self) -> Result<(), Error> {
        copy_vector(&self.vector, &mut self.tensors)
    }

    pub(super) fn vector_mut(&mut self) -> &mut Tensor {
        &mut self.vector
    }

    /// Cuts a vector of the same length into tensors, by the names of the parameters behind `prefix`.
    pub(super) fn named(&self, prefix: &str, vector: &Tensor) -> Result<BTreeMap<String, Tensor>, Error> {
        let parts = parts(vector, &self.tensors)?;
        Ok(self.names.iter().map(|name| format!("{prefix}.{name}")).zip(parts).collect())
    }

    /// Joins what [`named`](Self::named) has cut.
    pub(super) fn joined(&self, prefix: &str, state: &BTreeMap<String, Tensor>) -> Result<Tensor, Error> {
        let find = |(name, tensor): (&String, &Tensor)| {
            let key = format!("{prefix}.{name}");
            match state.get(&key) {
                Some(found) if found.size() == tensor.size() => Ok(found.shallow_clone()),
                Some(found) => Err(Error::Weights(format!(
                    "'{key}' has the shape {:?}, the parameter {:?}",
                    found.size(),
                    tensor.size()
                ))),
                None => Err(Error::Weights(format!("missing {key}"))),
            }
        };
        let tensors = self.names.iter().zip(&self.tensors).map(find).collect::<Result<Vec<_>, _>>()?;
        Ok(concatenated(&tensors)?.f_to_device(self.vector.device())?)
    }
}

/// Copies a vector into tensors, whose type may be another.
///
/// # Errors
/// [`Error::Torch`] if the vector is shorter than the tensors together.
pub fn copy_vector(vector: &Tensor, tensors: &mut [Tensor]) -> Result<(), Error> {
    tch::no_grad(|| {
        let parts = parts(vector, tensors)?;
        for (tensor, part) in tensors.iter_mut().zip(&parts) {
            tensor.f_copy_(part)?;
        }
        Ok(())
    })
}

pub(super) fn copied(tensor: &Tensor) -> Result<Tensor, Error> {
    let mut copy = tensor.f_zeros_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// Returns views of the parts of a vector, in the shapes of tensors.
fn parts(vector: &Tensor, tensors: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let mut start = 0;
    let mut part = |tensor: &Tensor| -> Result<Tensor, Error> {
        let length = tensor.numel() as i64;
        let part = vector.f_narrow(0, start, length)?.f_view(tensor.size().as_slice())?;
        start += length;
        Ok(part)
    };
    tensors.iter().map(&mut part).collect()
}

fn concatenated(tensors: &[Tensor]) -> Result<Tensor, Error> {
    tch::no_grad(|| {
        let flat: Vec<Tensor> =
            tensors.iter().map(|tensor| tensor.f_reshape([-1])).collect::<Result<_, _>>()?;
        Ok(Tensor::f_cat(&flat, 0)?.f_to_kind(Kind::Float)?)
    })
}
