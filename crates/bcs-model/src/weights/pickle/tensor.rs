//! Tensors of a pickle: views into storages, checked against the storages' lengths.

use tch::Tensor;

use super::dtype::Dtype;
use crate::error::Error;
use crate::weights::buffer::tensor_of;

/// Maximum number of dimensions; convolutions have five at most.
const MAX_DIMENSIONS: usize = 64;

/// Elements of one type, one after the other, little-endian.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Storage<'a> {
    pub(crate) dtype: Dtype,
    pub(crate) bytes: &'a [u8],
}

impl Storage<'_> {
    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size
    }
}

/// A view into a storage: element `[i₀, i₁, …]` is the storage's element `offset + Σ iₖ strideₖ`. All its elements lie
/// inside the storage.
#[derive(Debug, Clone)]
pub(crate) struct TensorView<'a> {
    storage: Storage<'a>,
    offset: usize,
    size: Vec<usize>,
    stride: Vec<usize>,
}

impl<'a> TensorView<'a> {
    /// Checks the view against the storage.
    ///
    /// # Errors
    /// What is inconsistent.
    pub(super) fn new(
        storage: Storage<'a>,
        offset: i64,
        size: &[i64],
        stride: &[i64],
    ) -> Result<Self, String> {
        let impossible = |reason: &str| {
            format!(
                "a tensor of size {size:?}, stride {stride:?} and offset {offset} is impossible: {reason}"
            )
        };
        if size.len() != stride.len() || size.len() > MAX_DIMENSIONS {
            return Err(impossible("the numbers of dimensions differ or are too many"));
        }
        let unsigned = |values: &[i64]| -> Option<Vec<usize>> {
            values.iter().map(|value| usize::try_from(*value).ok()).collect()
        };
        let (Some(sizes), Some(strides), Ok(start)) =
            (unsigned(size), unsigned(stride), usize::try_from(offset))
        else {
            return Err(impossible("it has negative values"));
        };
        let too_large = || impossible("it is too large");
        // A dimension of 0 must not hide an overflow from code that multiplies in another order.
        sizes
            .iter()
            .try_fold(storage.dtype.size, |product, length| {
                product.checked_mul((*length).max(1)).filter(|product| i64::try_from(*product).is_ok())
            })
            .ok_or_else(too_large)?;
        let view = Self { storage, offset: start, size: sizes, stride: strides };
        if view.elements() > 0 {
            let last = view.last().ok_or_else(too_large)?;
            if last >= storage.len() {
                return Err(impossible(&format!("its storage has {} elements", storage.len())));
            }
        }
        Ok(view)
    }

    /// Index in the storage of the last element.
    fn last(&self) -> Option<usize> {
        self.size.iter().zip(&self.stride).try_fold(self.offset, |last, (length, stride)| {
            last.checked_add(length.checked_sub(1)?.checked_mul(*stride)?)
        })
    }

    /// Number of elements.
    pub(super) fn elements(&self) -> usize {
        self.size.iter().product()
    }

    /// Size in bytes of the tensor once it is contiguous.
    pub(super) fn bytes(&self) -> usize {
        self.elements() * self.storage.dtype.size
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.storage.dtype
    }

    /// Copies the elements into a contiguous tensor on the CPU.
    ///
    /// # Errors
    /// [`Error::Torch`]; [`Error::Weights`] for a bool that is neither 0 nor 1.
    pub(super) fn to_tensor(&self) -> Result<Tensor, Error> {
        let kind = self.storage.dtype.kind;
        if self.elements() == 0 {
            return tensor_of(&[], &self.size, kind);
        }
        if self.is_contiguous() {
            let start = self.offset * self.storage.dtype.size;
            return tensor_of(&self.storage.bytes[start..start + self.bytes()], &self.size, kind);
        }
        tensor_of(&self.gather(), &self.size, kind)
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.size.iter().zip(&self.stride).rev().all(|(length, stride)| {
            let fits = *length == 1 || *stride == expected;
            expected *= length;
            fits
        })
    }

    /// Returns the elements in row-major order.
    fn gather(&self) -> Vec<u8> {
        let width = self.storage.dtype.size;
        let mut contents = Vec::with_capacity(self.bytes());
        let mut index = vec![0; self.size.len()];
        let mut at = self.offset;
        for _ in 0..self.elements() {
            contents.extend_from_slice(&self.storage.bytes[at * width..(at + 1) * width]);
            // Counts up the last dimension, and carries. The stride of a dimension of length 1 may be anything.
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.size[axis] {
                    at += self.stride[axis];
                    break;
                }
                index[axis] = 0;
                at -= self.stride[axis] * (self.size[axis] - 1);
            }
        }
        contents
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tch::Kind;

    use super::*;

    fn storage(bytes: &[u8]) -> Storage<'_> {
        Storage { dtype: Dtype::of_storage("ByteStorage").unwrap(), bytes }
    }

    #[test]
    fn a_transposed_view_is_materialised() {
        let view = TensorView::new(storage(&[9, 0, 1, 2, 3, 4, 5]), 1, &[3, 2], &[1, 3]).unwrap();
        let values: Vec<u8> = view.to_tensor().unwrap().flatten(0, -1).try_into().unwrap();
        assert_eq!(values, [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn views_beyond_the_storage_are_errors() {
        let bytes = [0; 6];
        let huge = i64::MAX;
        for (offset, size, stride) in [
            (0, &[7][..], &[1][..]),
            (1, &[6], &[1]),
            (0, &[2, 3], &[4, 1]),
            (-1, &[1], &[1]),
            (0, &[-1], &[1]),
            (5, &[2], &[-1]),
            (0, &[2], &[1, 1]),
            (0, &[huge, huge], &[0, 0]),
            (0, &[0, huge, huge], &[0, 0, 0]),
            (0, &[2], &[huge]),
            (huge, &[2], &[huge]),
            (huge, &[], &[]),
        ] {
            let error = TensorView::new(storage(&bytes), offset, size, stride).unwrap_err();
            assert!(error.contains("impossible"), "{error}");
        }
        assert!(TensorView::new(storage(&bytes), 5, &[], &[]).is_ok());
        assert!(TensorView::new(storage(&bytes), 100, &[0], &[1]).is_ok());
        assert!(TensorView::new(storage(&bytes), 5, &[1000], &[0]).is_ok());
    }

    proptest! {
        #[test]
        fn accepted_views_are_those_of_libtorch(
            length in 0usize..40, offset in -1i64..40,
            dimensions in proptest::collection::vec((0i64..5, -1i64..9), 0..4),
        ) {
            let bytes: Vec<u8> = (0..length as u8).collect();
            let (size, stride): (Vec<_>, Vec<_>) = dimensions.into_iter().unzip();
            if let Ok(view) = TensorView::new(storage(&bytes), offset, &size, &stride) {
                let ours = view.to_tensor().unwrap();
                let whole = tensor_of(&bytes, &[length], Kind::Uint8).unwrap();
                prop_assert_eq!(ours.size(), size.clone());
                if view.elements() > 0 {
                    let theirs = whole.f_as_strided(&size, &stride, offset).unwrap();
                    prop_assert!(ours.equal(&theirs));
                }
            }
        }
    }
}
