//! The safetensors format, by its own crate: tensors from and to bytes.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::nets::Network;

/// Reads all tensors of a safetensors file; `name` is what messages call it.
///
/// # Errors
/// [`Error::File`].
pub fn read_safetensors(bytes: &[u8], name: &str) -> Result<BTreeMap<String, Tensor>, Error> {
    let unreadable = |reason: String| Error::File { path: name.to_owned(), reason };
    let file = SafeTensors::deserialize(bytes).map_err(|error| unreadable(error.to_string()))?;
    let read = |(tensor_name, view): (String, TensorView<'_>)| {
        let kind = kind_of(view.dtype())
            .ok_or_else(|| unreadable(format!("{tensor_name} is of type {:?}", view.dtype())))?;
        let shape: Vec<i64> = view.shape().iter().map(|length| *length as i64).collect();
        Ok((tensor_name, Tensor::f_from_data_size(view.data(), &shape, kind)?))
    };
    file.tensors().into_iter().map(read).collect()
}

/// The parameters and buffers of a network as a safetensors file, contiguous.
///
/// # Errors
/// [`Error::Torch`]; [`Error::Weights`].
pub fn write_safetensors(network: &Network) -> Result<Vec<u8>, Error> {
    write(&network.state())
}

/// One tensor as a safetensors file.
///
/// # Errors
/// [`Error::Torch`]; [`Error::Weights`].
pub fn tensor_to_safetensors(name: &str, tensor: &Tensor) -> Result<Vec<u8>, Error> {
    write(&BTreeMap::from([(name.to_owned(), tensor.shallow_clone())]))
}

fn write(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, Error> {
    let mut buffers = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
        let kind = tensor.f_kind()?;
        let dtype = dtype_of(kind).ok_or_else(|| {
            Error::Weights(format!("{name} is of kind {kind:?}, which has no name in safetensors"))
        })?;
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let shape: Vec<usize> = tensor.size().iter().map(|length| *length as usize).collect();
        buffers.push((name, dtype, shape, bytes));
    }
    let views = buffers
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Weights(error.to_string()))?;
    // PyTorch's reader wants to know whose tensors they are.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| Error::Weights(error.to_string()))
}

/// Both ways between the names of kinds.
const KINDS: [(Dtype, Kind); 9] = [
    (Dtype::F32, Kind::Float),
    (Dtype::F64, Kind::Double),
    (Dtype::F16, Kind::Half),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::I64, Kind::Int64),
    (Dtype::I32, Kind::Int),
    (Dtype::I16, Kind::Int16),
    (Dtype::U8, Kind::Uint8),
    (Dtype::BOOL, Kind::Bool),
];

fn kind_of(dtype: Dtype) -> Option<Kind> {
    KINDS.iter().find(|(known, _)| *known == dtype).map(|(_, kind)| *kind)
}

fn dtype_of(kind: Kind) -> Option<Dtype> {
    KINDS.iter().find(|(_, known)| *known == kind).map(|(dtype, _)| *dtype)
}
