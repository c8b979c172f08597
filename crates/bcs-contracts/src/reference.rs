//! `reference.json`: the tissue that a model was trained on, as distributions of features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The layout of a reference that this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Values a reference keeps of each feature at most, as the predecessor's 10 000 training tiles.
pub const MAX_VALUES: usize = 10_000;

/// What drift is measured against: per feature, its values over the training tiles and their predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftReference {
    /// The layout of the reference.
    pub format_version: u32,
    /// The version of the model it belongs to; empty for a reference of images alone.
    pub model_version: String,
    /// Images it was made of.
    pub images: usize,
    /// Ascending values of each feature, at most [`MAX_VALUES`] of them (then evenly spaced ranks of all).
    pub features: BTreeMap<String, Vec<f64>>,
}
