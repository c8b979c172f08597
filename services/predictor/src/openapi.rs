//! Parts of the OpenAPI description that routes share: general information and the schema of records.

use std::collections::BTreeMap;

use bcs_service::Guard;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

/// General information of `/openapi.json`; the routes add their paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Breast-cancer tissue segmentation",
        description = "Segments images of H&E-stained tissue. Every prediction is stored before the response is \
            sent. Every response has an `x-request-id` (the one sent, or a new one); every error is a problem \
            (RFC 9457). The server is ready once the model has segmented a blank tile."
    ),
    tags(
        (name = "predictions", description = "Segmentation and stored predictions"),
        (name = "service", description = "Health, model and metrics")
    )
)]
pub struct ApiDoc;

/// Adds that all routes but those in `open` need a key or an ID token, where the server has keys or takes tokens.
pub fn with_credentials(
    mut api: utoipa::openapi::OpenApi,
    open: &[&str],
    guard: &Guard,
) -> utoipa::openapi::OpenApi {
    let schemes = [("key", guard.keys.is_some()), ("token", guard.tokens.is_some())];
    let schemes: Vec<&str> = schemes.into_iter().filter_map(|(name, has)| has.then_some(name)).collect();
    let mut refusals = Vec::new();
    if guard.is_closed() {
        refusals.push(("401", "Unauthorized", "The request has neither a known key nor a valid ID token"));
    }
    if guard.tokens.is_some() {
        refusals.push(("403", "Forbidden", "The ID token is valid, but its e-mail address may not call"));
    }
    if let Some(components) = &mut api.components {
        for name in &schemes {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
            components.add_security_scheme(*name, SecurityScheme::Http(bearer));
        }
        for (_, name, description) in &refusals {
            let response = Response::builder().description(*description).build();
            components.responses.insert((*name).to_owned(), response.into());
        }
    }
    for (path, item) in &mut api.paths.paths {
        if open.contains(&path.as_str()) {
            continue;
        }
        for operation in [&mut item.get, &mut item.post, &mut item.put].into_iter().flatten() {
            for (status, name, _) in &refusals {
                let refused = RefOr::Ref(Ref::from_response_name(*name));
                operation.responses.responses.insert((*status).to_owned(), refused);
            }
            if guard.is_closed() {
                let any_of = schemes.iter().map(|name| SecurityRequirement::new(*name, [""; 0]));
                operation.security = Some(any_of.collect());
            }
        }
    }
    api
}

/// Form with an image in exactly one of these fields. Other fields are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a body that is read field by field")]
pub struct ImageForm {
    /// The image: PNG, JPEG, TIFF, WebP or BMP.
    #[schema(required = false, value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    data: Vec<u8>,
    /// The same as `data`.
    #[schema(required = false, value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    /// The same as `data`.
    #[schema(required = false, value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    image: Vec<u8>,
}

/// The bytes of an image.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a binary body")]
pub struct Image(Vec<u8>);

/// Feature collection of GeoJSON (RFC 7946), with an annotation per class.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub struct GeoJson(());

/// Stored record of a prediction.
#[derive(ToSchema)]
#[schema(as = PredictionRecord, example = example_record)]
#[expect(dead_code, reason = "describes bcs_contracts::PredictionRecord, a crate without utoipa")]
pub struct RecordSchema {
    /// Record format.
    format_version: u32,
    /// Version 7 UUID, which sorts by time.
    id: Uuid,
    /// Time of arrival.
    #[schema(value_type = String, format = DateTime)]
    time: String,
    /// Version of the model.
    model_version: String,
    /// Site or scanner of the image, from `x-source`.
    #[schema(required)]
    source: Option<String>,
    /// Patient or slide of the image, from `x-case` or a TCGA-like file name.
    #[schema(required)]
    case: Option<String>,
    #[schema(inline)]
    input: InputSchema,
    /// Features of the image and its prediction by name, measured per model window and averaged.
    features: BTreeMap<String, f64>,
    /// Area of each class, in the order of the model's classes.
    #[schema(inline)]
    classes: Vec<ClassSchema>,
    /// Mean probability of the predicted class, in [1/classes, 1].
    confidence: f64,
    /// Mean entropy of the class probabilities divided by its maximum, in [0, 1].
    entropy: f64,
    /// Share of images like those of the drift reference that are at least as unusual as this one (a conformal p-value), in
    /// (0, 1]; null if the model has no reference, or one of fewer than two cases.
    #[schema(required)]
    drift_score: Option<f64>,
    /// Key of the mask in the bucket.
    mask: String,
    /// Milliseconds from the last byte of the request to the stored mask.
    latency_ms: f64,
}

/// The uploaded image.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_contracts::record::InputInfo")]
pub(crate) struct InputSchema {
    /// SHA-256 of the uploaded bytes, in lower-case hex.
    sha256: String,
    /// Size of the upload in bytes.
    bytes: u64,
    /// `png`, `jpeg`, `tiff`, `webp` or `bmp`.
    format: String,
    /// Width in pixels, after applying the EXIF orientation.
    width: u32,
    /// Height in pixels, after applying the EXIF orientation.
    height: u32,
    /// Resolution in µm/px, from `mpp` or the file name.
    #[schema(required)]
    mpp: Option<f64>,
}

/// Area of a class in a mask.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_contracts::record::ClassFraction")]
pub(crate) struct ClassSchema {
    /// Value of the class in the mask.
    code: u8,
    /// Name of the class.
    name: String,
    /// Colour of the class, as `#rrggbb`.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    color: String,
    /// Number of pixels.
    pixels: u64,
    /// Fraction of the pixels of the mask, in [0, 1].
    fraction: f64,
    /// Area in mm²; null if the resolution is not known.
    #[schema(required)]
    area_mm2: Option<f64>,
    /// Expected number of pixels of the class, which is the sum of its probabilities over all pixels; null in records of
    /// earlier versions.
    #[schema(required)]
    expected_pixels: Option<f64>,
    /// Expected number of pixels of the class among those predicted as it; null in records of earlier versions.
    #[schema(required)]
    expected_right: Option<f64>,
}

/// Example of a record.
pub(crate) fn example_record() -> serde_json::Value {
    serde_json::json!({
        "format_version": 2,
        "id": "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d",
        "time": "2026-01-31T12:00:00.123Z",
        "model_version": "train-2026-01-30_09-15-00-epoch=07-1f2e3d4c",
        "source": "hospital-3:scanner-1",
        "case": "TCGA-A2-A0D2",
        "input": {
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "bytes": 98304, "format": "png", "width": 224, "height": 224, "mpp": 0.25
        },
        "features": {"confidence": 0.94, "fraction_tumour": 0.31, "grey_mean": 0.62, "prediction_entropy": 0.11},
        "classes": [
            {"code": 0, "name": "other", "color": "#999999", "pixels": 34621, "fraction": 0.69, "area_mm2": 0.002164,
             "expected_pixels": 34402.3, "expected_right": 33281.9},
            {"code": 1, "name": "tumour", "color": "#d55e00", "pixels": 15555, "fraction": 0.31, "area_mm2": 0.000972,
             "expected_pixels": 15773.7, "expected_right": 14653.3}
        ],
        "confidence": 0.94,
        "entropy": 0.11,
        "drift_score": 0.43,
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
    fn the_schema_has_the_fields_of_the_stored_record() {
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
