//! Bytes to tensors.

use tch::{Kind, Tensor};

use crate::error::Error;

/// Copies little-endian elements in row-major order into a tensor on the CPU. `tch` trusts the shape; this does not.
///
/// # Errors
/// [`Error::Weights`] if the shape needs another number of bytes, or for a bool that is neither 0 nor 1;
/// [`Error::Torch`].
pub(super) fn tensor_of(bytes: &[u8], shape: &[usize], kind: Kind) -> Result<Tensor, Error> {
    let length = shape.iter().try_fold(kind.elt_size_in_bytes(), |product, side| product.checked_mul(*side));
    let sides: Result<Vec<i64>, _> = shape.iter().map(|side| i64::try_from(*side)).collect();
    let (true, Ok(sides)) = (length == Some(bytes.len()), sides) else {
        return Err(Error::Weights(format!("{} bytes are not a tensor of {shape:?} {kind:?}", bytes.len())));
    };
    if kind == Kind::Bool && bytes.iter().any(|byte| *byte > 1) {
        return Err(Error::Weights("a tensor of bools holds a value other than 0 and 1".to_owned()));
    }
    Ok(Tensor::f_from_data_size(bytes, &sides, kind)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_need_other_bytes_are_errors() {
        let bytes = [0; 8];
        assert_eq!(tensor_of(&bytes, &[2, 1], Kind::Float).unwrap().size(), [2, 1]);
        assert_eq!(tensor_of(&bytes, &[], Kind::Double).unwrap().dim(), 0);
        for shape in [&[3][..], &[1], &[usize::MAX, 2], &[usize::MAX], &[]] {
            assert!(tensor_of(&bytes, shape, Kind::Float).is_err(), "{shape:?}");
        }
        assert!(tensor_of(&[2], &[1], Kind::Bool).is_err());
    }
}
