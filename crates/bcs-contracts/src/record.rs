//! What the predictor stores of each prediction and the drift monitor reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::features::Features;

/// The layout of a record that this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// `records/date=YYYY-MM-DD/<id>.json`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// The layout of the record.
    pub format_version: u32,
    /// A version 7 UUID: it carries the time, and sorts by it.
    pub id: Uuid,
    /// When the image came in.
    pub time: Timestamp,
    /// The version of the model that answered.
    pub model_version: String,
    /// The image as it came in.
    pub input: InputInfo,
    /// Features of the image and of its prediction.
    pub features: Features,
    /// How much of the image each class covers, in the order of the model's classes.
    pub classes: Vec<ClassFraction>,
    /// Mean probability of the class that won. In [1/classes, 1].
    pub confidence: f64,
    /// Mean entropy of the class probabilities over its maximum. In [0, 1].
    pub entropy: f64,
    /// How unusual the image is against the training tiles, in [0, 1]; none where the model has no reference.
    pub drift_score: Option<f64>,
    /// The key of the mask in the same bucket.
    pub mask: String,
    /// Milliseconds from the request's last byte to the stored mask.
    pub latency_ms: f64,
}

/// The image as it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputInfo {
    /// Of the bytes as uploaded, in lower-case hex.
    pub sha256: String,
    /// Length as uploaded.
    pub bytes: u64,
    /// `png`, `jpeg`, `tiff`, `webp` or `bmp`.
    pub format: String,
    /// In pixels, after the EXIF orientation was applied.
    pub width: u32,
    /// In pixels, after the EXIF orientation was applied.
    pub height: u32,
}

/// How much of an image a class covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFraction {
    /// The byte that stands for the class in the mask.
    pub code: u8,
    /// Its name.
    pub name: String,
    /// Pixels of the mask.
    pub pixels: u64,
    /// Share of the mask's pixels. In [0, 1].
    pub fraction: f64,
}
