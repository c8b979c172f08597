//! What the description of the routes shares: its head, and the schema of records.

use std::collections::BTreeMap;

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

/// The head of `/openapi.json`; the paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Breast-cancer tissue segmentation",
        description = "Send an image of stained tissue, get it back with its tissue classes laid over. Every \
            prediction is stored before it is answered. Every answer carries `x-request-id` (yours, if you send \
            one); every error is a problem (RFC 9457)."
    ),
    tags(
        (name = "predictions", description = "Segmenting images, and what was stored of them"),
        (name = "service", description = "Whether it runs, what it runs, and how much")
    )
)]
pub struct Description;

/// The form that an image is sent in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read field by field")]
pub struct ImageForm {
    /// The image: PNG, JPEG, TIFF, WebP or BMP. The field may be named `file` or `image` too.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    data: Vec<u8>,
}

/// The bytes of an image.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it describes a body that is bytes")]
pub struct Image(Vec<u8>);

/// What is stored of a prediction.
#[derive(ToSchema)]
#[schema(as = PredictionRecord, example = example_record)]
#[expect(
    dead_code,
    reason = "it describes bcs_contracts::PredictionRecord, which has no dependency for that"
)]
pub struct RecordSchema {
    /// The layout of the record.
    format_version: u32,
    /// A version 7 UUID: it carries the time, and sorts by it.
    id: Uuid,
    /// When the image came in.
    #[schema(value_type = String, format = DateTime)]
    time: String,
    /// The version of the model that answered.
    model_version: String,
    #[schema(inline)]
    input: InputSchema,
    /// Features of the image and of its prediction, by name.
    features: BTreeMap<String, f64>,
    /// How much of the image each class covers, in the order of the model's classes.
    #[schema(inline)]
    classes: Vec<ClassSchema>,
    /// Mean probability of the class that won. In [1/classes, 1].
    confidence: f64,
    /// Mean entropy of the class probabilities over its maximum. In [0, 1].
    entropy: f64,
    /// How unusual the image is against the training tiles, in [0, 1]; null where the model has no reference.
    #[schema(required)]
    drift_score: Option<f64>,
    /// The key of the mask in the bucket.
    mask: String,
    /// Milliseconds from the request's last byte to the stored mask.
    latency_ms: f64,
}

/// The image as it came in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_contracts::record::InputInfo")]
struct InputSchema {
    /// Of the bytes as uploaded, in lower-case hex.
    sha256: String,
    /// Length as uploaded.
    bytes: u64,
    /// `png`, `jpeg`, `tiff`, `webp` or `bmp`.
    format: String,
    /// In pixels, upright.
    width: u32,
    /// In pixels, upright.
    height: u32,
}

/// How much of an image a class covers.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_contracts::record::ClassFraction")]
struct ClassSchema {
    /// The byte that stands for the class in the mask.
    code: u8,
    /// Its name.
    name: String,
    /// Pixels of the mask.
    pixels: u64,
    /// Share of the mask's pixels. In [0, 1].
    fraction: f64,
}

/// A record as it may look.
fn example_record() -> serde_json::Value {
    serde_json::json!({
        "format_version": 1,
        "id": "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d",
        "time": "2026-01-31T12:00:00.123Z",
        "model_version": "train-2026-01-30_09-15-00",
        "input": {
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "bytes": 98304, "format": "png", "width": 224, "height": 224
        },
        "features": {"confidence": 0.94, "fraction_tumour": 0.31, "grey_mean": 0.62, "prediction_entropy": 0.11},
        "classes": [
            {"code": 0, "name": "other", "pixels": 34621, "fraction": 0.69},
            {"code": 1, "name": "tumour", "pixels": 15555, "fraction": 0.31}
        ],
        "confidence": 0.94,
        "entropy": 0.11,
        "drift_score": 0.0,
        "mask": "masks/date=2026-01-31/0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d.png",
        "latency_ms": 61.5
    })
}

#[cfg(test)]
mod tests {
    use bcs_contracts::PredictionRecord;
    use utoipa::PartialSchema;

    use super::*;

    fn keys(value: &serde_json::Value) -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_schema_describes_the_record_that_is_stored() {
        let record: PredictionRecord = serde_json::from_value(example_record()).unwrap();
        let stored = serde_json::to_value(record).unwrap();
        let schema = serde_json::to_value(RecordSchema::schema()).unwrap();
        assert_eq!(keys(&schema["properties"]), keys(&stored));
        assert_eq!(keys(&schema["properties"]["input"]["properties"]), keys(&stored["input"]));
        assert_eq!(
            keys(&schema["properties"]["classes"]["items"]["properties"]),
            keys(&stored["classes"][0])
        );
        assert_eq!(schema["required"].as_array().unwrap().len(), keys(&stored).len());
    }
}
