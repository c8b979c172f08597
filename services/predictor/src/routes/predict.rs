//! `POST /predict`: images in JSON, as Vertex AI sends them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcs_contracts::record::{ClassFraction, InputInfo};
use bcs_contracts::{origin, tile_name};
use bcs_inference::TestTimeAugmentation;
use bcs_service::Problem;
use bcs_service::admission::Ticket;
use bcs_service::responses::{Busy, NotFound, Slow, Unavailable};
use bcs_service::server::RequestScope;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::predict_img::Tta;
use crate::app::App;
use crate::error::Error;
use crate::input::ReceiveTime;
use crate::openapi::{ClassSchema, InputSchema};
use crate::origin::Origin;
use crate::prediction;
use crate::predictor::Options;
use crate::upload::{self, UploadLimits};

/// Largest request and response in bytes: those of Vertex AI's shared endpoints.
const MAX_BYTES: u64 = 1_500_000;

/// Largest number of instances of a request.
const MAX_INSTANCES: usize = 128;

/// A tile of synthetic tissue, for the OpenAPI description: Swagger UI sends it as it is.
const EXAMPLE_TILE: &[u8] = include_bytes!("../../assets/tile.jpg");

/// Images to segment, as Vertex AI sends them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Instances {
    /// The images, up to 128.
    #[schema(min_items = 1, max_items = 128)]
    instances: Vec<Instance>,
    /// What is wanted of all of them.
    #[serde(default)]
    parameters: Parameters,
}

/// An image: either `b64` or `gcs_uri`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Instance {
    /// The file in base64.
    #[schema(required = false, nullable = false, format = Byte)]
    b64: Option<String>,
    /// Object of Google Cloud Storage, `gs://BUCKET/KEY`.
    #[schema(required = false, nullable = false, pattern = "^gs://.+/.+$")]
    gcs_uri: Option<String>,
    /// Site or scanner of the image, for the record.
    #[schema(required = false, nullable = false, pattern = "^[A-Za-z0-9._:-]{1,64}$")]
    source: Option<String>,
    /// Patient or slide of the image, for the record; by default the patient in a TCGA-like name of the object.
    #[schema(required = false, nullable = false, pattern = "^[A-Za-z0-9._:-]{1,64}$")]
    case: Option<String>,
    /// Resolution in µm/px, for areas.
    #[schema(required = false, nullable = false, minimum = 0.01, maximum = 100.0)]
    mpp: Option<f64>,
}

/// What is wanted of all images.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Test-time augmentation; by default that of the server.
    #[schema(required = false, nullable = false)]
    tta: Option<Tta>,
    /// Whether the masks are returned; true by default.
    #[schema(required = false, nullable = false)]
    masks: Option<bool>,
}

/// A prediction for each instance, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Predictions {
    predictions: Vec<Prediction>,
}

/// A stored prediction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstancePrediction)]
struct Prediction {
    /// Id of the prediction.
    id: Uuid,
    /// Version of the model.
    model_version: String,
    /// Area of each class, with its colour.
    #[schema(value_type = Vec<ClassSchema>)]
    classes: Vec<ClassFraction>,
    /// Mean probability of the predicted class, in [1/classes, 1].
    confidence: f64,
    /// Mean entropy of the class probabilities divided by its maximum, in [0, 1].
    entropy: f64,
    /// Share of images like those of the drift reference that are at least as unusual as this one (a conformal p-value), in
    /// (0, 1]; null if the model has no reference, or one of fewer than two cases.
    #[schema(required)]
    drift_score: Option<f64>,
    /// The uploaded image.
    #[schema(value_type = InputSchema)]
    input: InputInfo,
    /// The mask, a PNG of class codes in base64; null if it was not wanted, or if the response would be larger than 1.5 MB.
    /// `GET /predictions/{id}/mask` returns it, too.
    #[schema(required, format = Byte)]
    mask: Option<String>,
    /// Key of the mask in the bucket of the predictions.
    mask_key: String,
}

/// Segment images in JSON
///
/// Takes and returns what Vertex AI does, and is also at its `AIP_PREDICT_ROUTE`. Requests have up to 1.5 MB and 128
/// instances; larger images are sent as `gcs_uri`, or to `/predict-img/`. Masks are left out of a response that would be
/// larger. If one of the instances cannot be segmented, the request fails, and the error names it; the others may have been
/// stored.
#[utoipa::path(
    post,
    path = "/predict",
    tag = "predictions",
    request_body(
        content = Instances,
        examples(
            ("tile" = (
                summary = "An image in the request",
                value = json!({
                    "instances": [{"b64": STANDARD.encode(EXAMPLE_TILE), "case": "P0017", "mpp": 0.25}],
                    "parameters": {"tta": "flips"}
                })
            )),
            ("objects" = (
                summary = "Images in buckets that the server may read",
                value = json!({
                    "instances": [
                        {"gcs_uri": "gs://BUCKET/P0017/tile-1.png"},
                        {"gcs_uri": "gs://BUCKET/P0017/tile-2.png"}
                    ]
                })
            ))
        )
    ),
    responses(
        (status = 200, description = "All images are segmented and stored", body = Predictions),
        (status = 400, description = "Not the JSON that is expected, or a damaged image", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "Too many bytes, or too many pixels", body = Problem,
            content_type = "application/problem+json"),
        (status = 415, description = "Not an image of a supported format", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "An image too small for the model, or an object that may not be read", body = Problem,
            content_type = "application/problem+json"),
        NotFound,
        Slow,
        Busy,
        Unavailable
    )
)]
pub async fn predict(
    State(app): State<Arc<App>>,
    scope: RequestScope,
    body: Body,
) -> Result<Json<Predictions>, Error> {
    let limits = &app.settings.limits;
    let limits =
        UploadLimits { bytes: MAX_BYTES.min(limits.max_upload_bytes), timeout: limits.upload_timeout() };
    let (body, ticket) = upload::receive_whole(body, limits, &app.admission, scope).await?;
    let Instances { instances, parameters } = parse(&body)?;
    let mut predictions = Vec::with_capacity(instances.len());
    for (at, instance) in instances.into_iter().enumerate() {
        let result = segment(&app, instance, &parameters, ticket.share()).await;
        app.predictor.metrics.count(result.as_ref().err().map_or("stored", Error::outcome));
        predictions.push(result.map_err(|error| Error::Instance { at, error: Box::new(error) })?);
    }
    leave_masks_out(&mut predictions);
    Ok(Json(Predictions { predictions }))
}

fn parse(body: &[u8]) -> Result<Instances, Error> {
    let instances: Instances =
        serde_json::from_slice(body).map_err(|error| Error::Json(error.to_string()))?;
    match instances.instances.len() {
        1..=MAX_INSTANCES => Ok(instances),
        count => Err(Error::Json(format!("there are {count} instances; send 1 to {MAX_INSTANCES}"))),
    }
}

/// Leaves all masks out if the response would be too large.
fn leave_masks_out(predictions: &mut [Prediction]) {
    /// More than the rest of a prediction has.
    const REST: usize = 4096;
    let size = |prediction: &Prediction| REST + prediction.mask.as_ref().map_or(0, String::len);
    if predictions.iter().map(size).sum::<usize>() as u64 > MAX_BYTES {
        predictions.iter_mut().for_each(|prediction| prediction.mask = None);
    }
}

async fn segment(
    app: &App,
    instance: Instance,
    parameters: &Parameters,
    ticket: Ticket,
) -> Result<Prediction, Error> {
    let received = ReceiveTime::now();
    let Instance { b64, gcs_uri, source, case, mpp } = instance;
    for (name, value) in [("source", &source), ("case", &case)] {
        if let Some(value) = value {
            origin::check(value).map_err(|error| Error::Json(format!("{name} {error}")))?;
        }
    }
    let bytes = match (&b64, &gcs_uri) {
        (Some(text), None) => Bytes::from(
            STANDARD.decode(text).map_err(|error| Error::Json(format!("b64 is not base64: {error}")))?,
        ),
        (None, Some(uri)) => {
            app.source_objects.read(uri, app.settings.limits.max_upload_bytes, ticket.deadline()).await?
        }
        _ => return Err(Error::Json("it must have either b64 or gcs_uri".to_owned())),
    };
    let name = gcs_uri.as_deref().and_then(|uri| uri.rsplit('/').next());
    let options = Options {
        origin: Origin::new(source, case, name),
        received,
        mpp: mpp.or_else(|| tile_name::mpp(name?)),
        tta: parameters.tta.map(TestTimeAugmentation::from),
        ..Options::default()
    };
    let input = app.settings.storage.store_inputs.then(|| bytes.clone());
    let not_ready = || Error::NotReady(app.health.state());
    let prediction = app.predictor.predict(bytes, options, ticket, not_ready).await?;
    let record = prediction::store(app, &prediction, input).await?.record;
    let wanted = parameters.masks.unwrap_or(true);
    Ok(Prediction {
        id: record.id,
        classes: record.classes,
        model_version: record.model_version,
        confidence: record.confidence,
        entropy: record.entropy,
        drift_score: record.drift_score,
        input: record.input,
        mask: wanted.then(|| STANDARD.encode(&prediction.rendered.mask)),
        mask_key: record.mask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_vertex_ai() {
        let parsed = parse(br#"{"instances": [{"b64": "AA=="}], "parameters": {"tta": "flips"}}"#).unwrap();
        assert_eq!(parsed.instances[0].b64.as_deref(), Some("AA=="));
        assert_eq!(parsed.parameters.tta, Some(Tta::Flips));
        for body in [r#"{"instances": []}"#, "[]", r#"{"instances": [{"b65": ""}]}"#, "{"] {
            assert!(matches!(parse(body.as_bytes()), Err(Error::Json(_))), "{body}");
        }
    }

    #[test]
    fn masks_are_left_out_of_a_response_that_would_be_too_large() {
        let prediction = |bytes: usize| Prediction {
            id: Uuid::nil(),
            model_version: String::new(),
            classes: Vec::new(),
            confidence: 1.0,
            entropy: 0.0,
            drift_score: None,
            input: InputInfo {
                sha256: String::new(),
                bytes: 0,
                format: String::new(),
                width: 1,
                height: 1,
                mpp: None,
            },
            mask: Some("A".repeat(bytes)),
            mask_key: String::new(),
        };
        let mut small = [(); 3].map(|()| prediction(1000));
        leave_masks_out(&mut small);
        assert!(small.iter().all(|prediction| prediction.mask.is_some()));
        let mut large = [(); 3].map(|()| prediction(700_000));
        leave_masks_out(&mut large);
        assert!(large.iter().all(|prediction| prediction.mask.is_none()));
    }
}
