//! `metadata.json`: the description of a model package.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::class::TissueClass;

/// Package format written by this version. Format 2 added [`Validation::counted`], format 3
/// [`PackageMetadata::quantization`] and [`PackageMetadata::pruning`].
pub const FORMAT_VERSION: u32 = 3;

/// Package formats that this version reads.
pub const READABLE: RangeInclusive<u32> = 1..=FORMAT_VERSION;

/// Description of a model package. Only `architecture` is required; other fields have the defaults given at each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageMetadata {
    /// Package format.
    #[serde(default = "format_version")]
    pub format_version: u32,
    /// Version of the model, which answers and records carry. It names the weights: see [`crate::keys::model_version`].
    /// Empty by default.
    #[serde(default)]
    pub version: String,
    /// The network and its arguments.
    pub architecture: Architecture,
    /// Classes, in the order of the network's output channels; by default `class 0`, `class 1`, …
    #[serde(default)]
    pub classes: Vec<TissueClass>,
    /// Preprocessing.
    #[serde(default)]
    pub input: InputSpec,
    /// Label map: which mask codes belong to which class. Unknown by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Scores on the validation tiles; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// How the quantized graph was made; `None` by default, for packages without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
    /// How the network was made smaller; `None` by default, for one that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<Pruning>,
    /// SHA-256 of every other file of the package in lower-case hex, by file name.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Origin of the model.
    #[serde(default)]
    pub provenance: Provenance,
}

fn format_version() -> u32 {
    FORMAT_VERSION
}

/// A network: MONAI's class name and constructor arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// MONAI's class name, as `UNet`.
    pub name: String,
    /// MONAI's constructor arguments by name; arguments left out have MONAI's defaults.
    #[serde(default)]
    pub arguments: serde_json::Map<String, Value>,
}

/// Label map: which mask codes belong to which class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Name of the label map, or the path it was read from.
    pub name: String,
    /// Mask codes of each class, in the order of the classes.
    pub codes: Vec<Vec<u8>>,
    /// Mask codes of ignored pixels.
    pub dont_care: Vec<u8>,
    /// Background class, which is left out of averaged scores.
    pub background: Option<String>,
}

/// Preprocessing: how an image becomes the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputSpec {
    /// Intensity scaling.
    pub scaling: Scaling,
    /// Resolution of the training tiles in µm/px, where known.
    pub mpp: Option<f64>,
    /// Height and width in pixels of the training tiles, which is the size of the sliding window over larger images.
    pub tile: [u32; 2],
}

impl Default for InputSpec {
    fn default() -> Self {
        Self { scaling: Scaling::UnitRange, mpp: None, tile: [224, 224] }
    }
}

/// Intensity scaling: what a byte of an RGB image becomes in the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Scaling {
    /// value / 255, in [0, 1], as the predecessor did.
    UnitRange,
    /// (value / 255 − mean) / std per channel (red, green, blue).
    Standardize {
        /// Mean of value / 255.
        mean: [f64; 3],
        /// Standard deviation of value / 255.
        std: [f64; 3],
    },
}

/// Scores on the validation tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The metric that selects the best checkpoint: pooled Dice, averaged over the [`counted`](Self::counted) classes.
    /// In [0, 1].
    pub val_metric: f64,
    /// Epoch of the checkpoint, from 0.
    pub epoch: usize,
    /// Number of validation tiles.
    pub images: usize,
    /// Names of the classes that `val_metric` averages: those other than background with pixels in the validation masks.
    /// Empty for packages of format 1, which did not state them.
    #[serde(default)]
    pub counted: Vec<String>,
    /// Scores of each class, in the order of the classes.
    pub classes: Vec<ClassScores>,
}

/// How a quantized graph was made, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantization {
    /// How the ranges of tensors were chosen: `min-max`, `percentile` or `least-error`.
    pub calibration: String,
    /// Number of tiles from which the ranges come.
    pub calibration_images: usize,
    /// Number of convolutions in 8 bits.
    pub layers: usize,
    /// Names of the convolutions that stayed in floating point.
    pub float_layers: Vec<String>,
    /// Metric as [`Validation::val_metric`], of the float32 graph on the tiles that judged the quantization.
    pub val_metric_float32: f64,
    /// The same metric of the quantized graph.
    pub val_metric_int8: f64,
    /// Number of these tiles.
    pub images: usize,
}

/// How a network was made smaller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pruning {
    /// Version of the model from which channels were removed.
    pub pruned_from: String,
    /// Multiplications for a training tile, as a fraction of those of that model, in (0, 1].
    pub multiplications: f64,
}

/// Overlap of prediction and ground truth for one class. A score is `None` where neither has pixels of the class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassScores {
    /// Name of the class.
    pub name: String,
    /// Dice over the pixels of all tiles together (pooled).
    pub dice: Option<f64>,
    /// Intersection over union over the pixels of all tiles together (pooled).
    pub iou: Option<f64>,
    /// Mean of the per-tile Dice over the tiles whose ground truth has the class (MONAI's `DiceMetric`).
    pub dice_per_image: Option<f64>,
    /// Number of tiles whose ground truth has the class.
    pub images: usize,
}

/// Origin of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provenance {
    /// Program and version that wrote the package.
    pub created_by: String,
    /// Time of writing, in RFC 3339.
    pub created: String,
    /// Git revision of the source tree, with `-dirty` if it had uncommitted changes; in a
    /// container, that of the image; empty where it is not known.
    pub git_revision: String,
    /// SHA-256 of `config.yaml`.
    pub config_sha256: String,
    /// Random seed of initialisation, sampling order and augmentation.
    pub seed: Option<i64>,
    /// Version of libtorch that was loaded.
    pub libtorch: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_architecture_is_required() {
        let metadata: PackageMetadata =
            serde_json::from_str(r#"{"architecture": {"name": "UNet", "arguments": {"in_channels": 3}}}"#)
                .unwrap();
        assert_eq!(metadata.format_version, FORMAT_VERSION);
        assert_eq!(metadata.input.scaling, Scaling::UnitRange);
        assert_eq!(metadata.architecture.arguments["in_channels"], 3);
    }

    #[test]
    fn scaling_is_written_by_its_kind() {
        let scaling = Scaling::Standardize { mean: [0.5; 3], std: [0.25; 3] };
        let text = serde_json::to_string(&scaling).unwrap();
        assert_eq!(text, r#"{"kind":"standardize","mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#);
    }
}
