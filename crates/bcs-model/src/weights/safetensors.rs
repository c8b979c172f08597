//! The safetensors format.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

use super::buffer::tensor_of;
use crate::error::Error;
use crate::nets::Network;

/// Reads all tensors of a safetensors file. `name` stands for the file in messages.
///
/// # Errors
/// [`Error::File`] for a damaged file and for element types that libtorch or `tch` lacks, such as `F8_E4M3`;
/// [`Error::Torch`].
pub fn read_safetensors(bytes: &[u8], name: &str) -> Result<BTreeMap<String, Tensor>, Error> {
    let unreadable = |reason: String| Error::File { path: name.to_owned(), reason };
    let file = SafeTensors::deserialize(bytes).map_err(|error| unreadable(error.to_string()))?;
    let read = |(tensor_name, view): (String, TensorView<'_>)| {
        let kind = kind_of(view.dtype()).ok_or_else(|| {
            let reason = "convert it to float32 or another type that PyTorch computes with";
            unreadable(format!("'{tensor_name}' has the unsupported element type {}; {reason}", view.dtype()))
        })?;
        let tensor = tensor_of(view.data(), view.shape(), kind).map_err(|error| match error {
            Error::Weights(reason) => unreadable(format!("'{tensor_name}': {reason}")),
            other => other,
        })?;
        Ok((tensor_name, tensor))
    };
    file.tensors().into_iter().map(read).collect()
}

/// Returns the parameters and buffers of a network as a safetensors file.
///
/// # Errors
/// [`Error::Torch`]; [`Error::Weights`].
pub fn write_safetensors(network: &Network) -> Result<Vec<u8>, Error> {
    tensors_to_safetensors(&network.state())
}

/// Returns a tensor as a safetensors file.
///
/// # Errors
/// [`Error::Torch`]; [`Error::Weights`].
pub fn tensor_to_safetensors(name: &str, tensor: &Tensor) -> Result<Vec<u8>, Error> {
    tensors_to_safetensors(&BTreeMap::from([(name.to_owned(), tensor.shallow_clone())]))
}

/// Returns tensors as a safetensors file.
///
/// # Errors
/// [`Error::Torch`]; [`Error::Weights`].
pub fn tensors_to_safetensors(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, Error> {
    let mut buffers = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
        let kind = tensor.f_kind()?;
        let dtype = dtype_of(kind).ok_or_else(|| {
            Error::Weights(format!("'{name}' has the element type {kind:?}, which safetensors lacks"))
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
    // Some readers require it, Hugging Face's transformers among them.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| Error::Weights(error.to_string()))
}

/// Element types that both safetensors and libtorch have.
const KINDS: [(Dtype, Kind); 10] = [
    (Dtype::F32, Kind::Float),
    (Dtype::F64, Kind::Double),
    (Dtype::F16, Kind::Half),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::I64, Kind::Int64),
    (Dtype::I32, Kind::Int),
    (Dtype::I16, Kind::Int16),
    (Dtype::I8, Kind::Int8),
    (Dtype::U8, Kind::Uint8),
    (Dtype::BOOL, Kind::Bool),
];

fn kind_of(dtype: Dtype) -> Option<Kind> {
    KINDS.iter().find(|(known, _)| *known == dtype).map(|(_, kind)| *kind)
}

fn dtype_of(kind: Kind) -> Option<Dtype> {
    KINDS.iter().find(|(_, known)| *known == kind).map(|(dtype, _)| *dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{}]}}}}"#, data.len());
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn unsupported_types_and_inconsistent_sizes_are_named() {
        assert!(read_safetensors(&file("F32", "[2]", &[0; 8]), "net").is_ok());
        let error = read_safetensors(&file("F8_E4M3", "[8]", &[0; 8]), "net").unwrap_err().to_string();
        assert!(error.contains("'w'") && error.contains("F8_E4M3"), "{error}");
        for shape in ["[3]", "[1]", "[4294967296, 4294967296]", "[-2]", "[18446744073709551615, 2]"] {
            let error = read_safetensors(&file("F32", shape, &[0; 8]), "net").unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{error}");
        }
        let error = read_safetensors(&file("BOOL", "[1]", &[7]), "net").unwrap_err().to_string();
        assert!(error.contains("'w'") && error.contains("bools"), "{error}");
    }
}
