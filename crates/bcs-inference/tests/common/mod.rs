//! Golden files and their comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bcs_model::weights::read_safetensors;
use tch::Tensor;

/// Returns the path of a golden file.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Reads the tensors of a golden file.
pub(crate) fn tensors(name: &str) -> BTreeMap<String, Tensor> {
    read_safetensors(&fs::read(golden(name)).unwrap(), name).unwrap()
}

/// Returns the tensors whose names begin with `prefix`, without it.
pub(crate) fn with_prefix(tensors: &BTreeMap<String, Tensor>, prefix: &str) -> BTreeMap<String, Tensor> {
    let named = tensors
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone())));
    named.collect()
}

/// Returns the elements of a tensor.
pub(crate) fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten(0, -1).try_into().unwrap()
}

/// Returns the largest absolute difference.
pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
