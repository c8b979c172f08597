//! `metadata.json`: what a model package says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::class::TissueClass;

/// The layout of a package that this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// `metadata.json` of a model package. Only `architecture` is needed to run a network; what is left out has
/// the default given at the field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageMetadata {
    /// The layout of the package.
    #[serde(default = "format_version")]
    pub format_version: u32,
    /// The name of the run that made it: the version that answers and records carry. Empty by default.
    #[serde(default)]
    pub version: String,
    /// The network.
    pub architecture: Architecture,
    /// The classes, in the order of the network's output channels; by default `class 0`, `class 1`, ….
    #[serde(default)]
    pub classes: Vec<TissueClass>,
    /// How an image becomes the network's input.
    #[serde(default)]
    pub input: InputSpec,
    /// Which codes of a mask the classes were learnt from; unknown by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Figures on the validation tiles; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// The sha256 of every other file of the package, in lower-case hex, by file name.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Who made it.
    #[serde(default)]
    pub provenance: Provenance,
}

fn format_version() -> u32 {
    FORMAT_VERSION
}

/// A network by its MONAI name, and the arguments of its constructor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// MONAI's class name, as `UNet`.
    pub name: String,
    /// MONAI's constructor arguments by name; those left out have MONAI's defaults.
    #[serde(default)]
    pub arguments: serde_json::Map<String, Value>,
}

/// Which codes of a mask are which class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// The name of the label map, or the path it was read from.
    pub name: String,
    /// The codes of each class, in the order of the classes.
    pub codes: Vec<Vec<u8>>,
    /// Codes of pixels that count for nothing.
    pub dont_care: Vec<u8>,
    /// The class that scores are not averaged over.
    pub background: Option<String>,
}

/// How an image becomes the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputSpec {
    /// What a byte of the image becomes.
    pub scaling: Scaling,
    /// Micrometres a pixel of the tiles trained on, where known.
    pub mpp: Option<f64>,
    /// Height and width, in pixels, of the window that slides over larger images: the size of the tiles
    /// trained on.
    pub tile: [u32; 2],
}

impl Default for InputSpec {
    fn default() -> Self {
        Self { scaling: Scaling::UnitRange, mpp: None, tile: [224, 224] }
    }
}

/// What a byte of an RGB image becomes in the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Scaling {
    /// value / 255, in [0, 1], as the predecessor's.
    UnitRange,
    /// (value / 255 − mean) / std, by channel (red, green, blue).
    Standardize {
        /// Subtracted after the division by 255.
        mean: [f64; 3],
        /// Divided by, last.
        std: [f64; 3],
    },
}

/// What the model reached on the validation tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The number that the best checkpoint was chosen by: pooled Dice, averaged over the classes that are not
    /// background. In [0, 1].
    pub val_metric: f64,
    /// The epoch it was reached in, from 0.
    pub epoch: usize,
    /// Tiles.
    pub images: usize,
    /// Figures by class, in the order of the classes.
    pub classes: Vec<ClassScores>,
}

/// Overlap with the truth of one class. Where the class stands in neither truth nor prediction there is no score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassScores {
    /// The class.
    pub name: String,
    /// Dice over all pixels of all tiles together.
    pub dice: Option<f64>,
    /// Intersection over union, over all pixels of all tiles together.
    pub iou: Option<f64>,
    /// Mean over tiles of the Dice within each tile that has the class (MONAI's `DiceMetric`).
    pub dice_per_image: Option<f64>,
    /// Tiles that have the class, which `dice_per_image` is the mean of.
    pub images: usize,
}

/// Where a model comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provenance {
    /// The program and version that wrote the package.
    pub created_by: String,
    /// When, in RFC 3339.
    pub created: String,
    /// The revision of the source tree, with `-dirty` where it had changes; empty outside a checkout.
    pub git_revision: String,
    /// The sha256 of `config.yaml`.
    pub config_sha256: String,
    /// The seed of initialisation, order and augmentation.
    pub seed: Option<i64>,
    /// The version of libtorch.
    pub libtorch: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architecture_alone_is_a_whole_description() {
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
