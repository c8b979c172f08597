//! `POST /predict-img/`: an image in, its overlay, mask or record out.

use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bcs_contracts::PredictionRecord;
use bcs_service::Problem;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::Error;
use crate::negotiation::Format;
use crate::openapi::{Image, ImageForm, RecordSchema};
use crate::prediction::{self, Prediction, Stored};
use crate::render::{self, Colormap, DEFAULT_ALPHA, Look};
use crate::upload;

/// The header that names a prediction.
const PREDICTION_ID: HeaderName = HeaderName::from_static("x-prediction-id");
/// The header that names the model.
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");
/// The header that says how unusual the image is.
const DRIFT_SCORE: HeaderName = HeaderName::from_static("x-drift-score");

/// What is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(default = "overlay")]
enum Output {
    /// The image under the colours of its classes.
    #[default]
    Overlay,
    /// The codes of its classes as an 8-bit grey PNG.
    Mask,
    /// The stored record.
    Json,
}

/// What is answered, and how it looks.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// What is answered.
    #[param(inline)]
    output: Output,
    /// Weight of the colours in the overlay, from 0 to 1.
    #[param(minimum = 0.0, maximum = 1.0, default = 0.5)]
    alpha: f64,
    /// Colours of the overlay: matplotlib's YlGn, or the classes' own.
    #[param(inline)]
    colormap: Colormap,
}

impl Default for Options {
    fn default() -> Self {
        Self { output: Output::default(), alpha: DEFAULT_ALPHA, colormap: Colormap::default() }
    }
}

impl Options {
    fn checked(query: Result<Query<Self>, QueryRejection>) -> Result<Self, Error> {
        let Query(options) = query.map_err(|rejection| Error::Query(rejection.body_text()))?;
        if !(0.0..=1.0).contains(&options.alpha) {
            return Err(Error::Query(format!("alpha is {}; give a number from 0 to 1", options.alpha)));
        }
        Ok(options)
    }
}

/// Segment an image
///
/// Answers the image under the colours of its tissue classes, as PNG or, where `Accept` prefers that, as JPEG.
/// Image and mask may be of any size from the model's smallest on. A 200 means stored: record and mask are in the
/// bucket, and can be fetched by `x-prediction-id`.
#[utoipa::path(
    post,
    path = "/predict-img/",
    tag = "predictions",
    params(Options),
    request_body(content = ImageForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The overlay (PNG or JPEG), the mask (PNG) or the record (JSON)",
            content(
                (Image = "image/png"),
                (Image = "image/jpeg"),
                (RecordSchema = "application/json")
            ),
            headers(
                ("x-request-id" = String, description = "Of the request: yours, if you sent one"),
                ("x-prediction-id" = String, description = "Of the stored prediction"),
                ("x-model-version" = String, description = "Of the model that answered"),
                ("x-drift-score" = f64, description = "How unusual the image is, in [0, 1]; only where that is known")
            )),
        (status = 400, description = "No multipart, no image in it, or a damaged one", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Bad Request", "status": 400,
                "detail": "the png image is damaged or cut short: unexpected end of file"})),
        (status = 413, description = "Too many bytes or too many pixels", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Payload Too Large", "status": 413,
                "detail": "the image is 20000×20000 pixels, more than the 100000000 allowed; cut it into smaller regions"})),
        (status = 415, description = "No image of a kind that is read", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unsupported Media Type", "status": 415,
                "detail": "this is no image that can be read here; send PNG, JPEG, TIFF, WebP or BMP"})),
        (status = 422, description = "An image too small for the model, or a query that can't be read", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422,
                "detail": "the image is 1×1 pixels; the model takes 16×16 and more"})),
        (status = 429, description = "As many images wait as may; see `Retry-After`", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds")),
            example = json!({"type": "about:blank", "title": "Too Many Requests", "status": 429,
                "detail": "the queue is full: 32 images wait already; try again"})),
        (status = 503, description = "No model answers, or the store fails; see `Retry-After`", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds")),
            example = json!({"type": "about:blank", "title": "Service Unavailable", "status": 503,
                "detail": "the model is being opened; try again"}))
    )
)]
pub async fn predict_img(
    State(app): State<Arc<App>>,
    query: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Error> {
    let format = Format::preferred(&headers);
    let result = answer(&app, query, format, multipart).await;
    app.metrics.count(result.as_ref().err().map_or("stored", Error::outcome));
    result
}

async fn answer(
    app: &App,
    query: Result<Query<Options>, QueryRejection>,
    format: Format,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Error> {
    let multipart = multipart.map_err(|rejection| Error::Multipart(rejection.body_text()))?;
    let upload = upload::read(multipart, app.settings.limits.max_upload_bytes).await?;
    let options = Options::checked(query)?;
    let kept = app.settings.storage.store_inputs.then(|| upload.clone());
    let prediction = prediction::segment(app, upload).await?;
    let look = Look { alpha: options.alpha, colormap: options.colormap, format };
    let (prediction, rendered) = render(app, prediction, options.output, look).await?;
    let stored = prediction::store(app, &prediction, rendered.mask.clone(), kept).await?;
    Ok(respond(rendered, stored, format))
}

/// A prediction as bytes.
struct Rendered {
    mask: Bytes,
    overlay: Option<Bytes>,
    output: Output,
}

async fn render(
    app: &App,
    prediction: Prediction,
    output: Output,
    look: Look,
) -> Result<(Prediction, Rendered), Error> {
    let work = move || {
        let (indices, classes) = (&prediction.segmentation.mask, &prediction.model.classes);
        let mask = render::mask(indices, classes)?.into();
        let image = Arc::clone(&prediction.input.image);
        let overlay = (output == Output::Overlay).then(|| render::overlay(image, indices, classes, look));
        let overlay = overlay.transpose()?.map(Bytes::from);
        Ok((prediction, Rendered { mask, overlay, output }))
    };
    app.workers.run(work).await.map_err(|panic| Error::Internal(panic.to_string()))?
}

fn respond(rendered: Rendered, stored: Stored, format: Format) -> Response {
    let (media_type, body) = match (rendered.output, rendered.overlay) {
        (Output::Overlay, Some(overlay)) => (format.media_type(), overlay),
        (Output::Json, _) => ("application/json", stored.json),
        _ => (Format::Png.media_type(), rendered.mask),
    };
    let mut response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
    describe(response.headers_mut(), &stored.record);
    response
}

fn describe(headers: &mut HeaderMap, record: &PredictionRecord) {
    let mut put = |name: HeaderName, value: &str| {
        // A version is named by people; a header holds ASCII alone.
        let ascii: String =
            value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        if let Ok(value) = HeaderValue::from_str(&ascii) {
            headers.insert(name, value);
        }
    };
    put(PREDICTION_ID, &record.id.to_string());
    put(MODEL_VERSION, &record.model_version);
    if let Some(score) = record.drift_score {
        put(DRIFT_SCORE, &format!("{score:.4}"));
    }
}
