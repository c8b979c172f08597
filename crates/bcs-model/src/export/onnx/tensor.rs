//! Constants and their values.

use super::messages::{DataType, TensorProto};

impl TensorProto {
    /// Returns a tensor of float32 values.
    pub(super) fn of_floats(name: String, dims: &[i64], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dims: dims.to_vec(), data_type: DataType::Float as i32, name, raw_data }
    }

    /// Returns a tensor of whole numbers in one dimension.
    pub(super) fn of_ints(name: String, values: &[i64]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dims: vec![values.len() as i64], data_type: DataType::Int64 as i32, name, raw_data }
    }

    /// Returns the values of a tensor of float32 values.
    pub(super) fn to_floats(&self) -> Vec<f32> {
        self.raw_data
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect()
    }

    /// Returns the lengths of the dimensions if there are four of them.
    pub(super) fn dims4(&self) -> Option<[usize; 4]> {
        let dims: Option<Vec<usize>> = self.dims.iter().map(|length| usize::try_from(*length).ok()).collect();
        dims?.try_into().ok()
    }
}
