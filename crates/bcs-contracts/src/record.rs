//! The record that the predictor stores of each prediction and the drift monitor reads.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::class::Color;
use crate::features::Features;

/// Record format written by this version.
///
/// Format 2 added `source` and `case`; its image features are measured per model window and averaged, colour and
/// stain features over tissue only. In format 1 they were measured over the whole image, so they depend on its size.
pub const FORMAT_VERSION: u32 = 2;

/// Record formats that this version reads.
pub const READABLE: RangeInclusive<u32> = 1..=FORMAT_VERSION;

/// `records/date=YYYY-MM-DD/<id>.json`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// Record format.
    pub format_version: u32,
    /// Version 7 UUID: it carries the time of arrival, and sorts by it.
    pub id: Uuid,
    /// Time of arrival.
    pub time: Timestamp,
    /// Version of the model that made the prediction.
    pub model_version: String,
    /// Site or scanner that the image comes from, as the client stated it.
    #[serde(default)]
    pub source: Option<String>,
    /// Patient or slide, as the client stated it or a TCGA-like file name tells it.
    #[serde(default)]
    pub case: Option<String>,
    /// The uploaded image.
    pub input: InputInfo,
    /// Features of the image and of its prediction.
    pub features: Features,
    /// Area of each class, in the order of the model's classes.
    pub classes: Vec<ClassFraction>,
    /// Mean probability of the predicted class, in [1/classes, 1].
    pub confidence: f64,
    /// Mean entropy of the class probabilities divided by its maximum, in [0, 1].
    pub entropy: f64,
    /// Share of images like those of the drift reference that are at least as unusual as this one, a conformal p-value in
    /// (0, 1]; `None` if the model has no reference, or one of fewer than two cases.
    pub drift_score: Option<f64>,
    /// Key of the mask in the same bucket.
    pub mask: String,
    /// Milliseconds from the last byte of the request to the stored mask.
    pub latency_ms: f64,
}

/// The uploaded image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputInfo {
    /// SHA-256 of the uploaded bytes, in lower-case hex.
    pub sha256: String,
    /// Size of the upload in bytes.
    pub bytes: u64,
    /// `png`, `jpeg`, `tiff`, `webp` or `bmp`.
    pub format: String,
    /// Width in pixels, after applying the EXIF orientation.
    pub width: u32,
    /// Height in pixels, after applying the EXIF orientation.
    pub height: u32,
    /// Resolution in µm/px, where the client or the file name states it.
    #[serde(default)]
    pub mpp: Option<f64>,
}

/// Area of one class in a mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFraction {
    /// Value of the class in the mask.
    pub code: u8,
    /// Name of the class.
    pub name: String,
    /// Colour of the class; absent in records of earlier versions.
    #[serde(default)]
    pub color: Option<Color>,
    /// Number of pixels.
    pub pixels: u64,
    /// Fraction of the pixels of the mask, in [0, 1].
    pub fraction: f64,
    /// Area in mm², where the resolution is known.
    #[serde(default)]
    pub area_mm2: Option<f64>,
    /// Expected number of pixels of the class, which is the sum of its probabilities over all pixels; absent in records of
    /// earlier versions.
    #[serde(default)]
    pub expected_pixels: Option<f64>,
    /// Expected number of pixels of the class among those predicted as it, which is the sum of its probabilities over them;
    /// absent in records of earlier versions.
    #[serde(default)]
    pub expected_right: Option<f64>,
}
