//! `POST /predict-img/`: segments an image.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bcs_contracts::{PredictionRecord, tile_name};
use bcs_inference::TestTimeAugmentation;
use bcs_service::Problem;
use bcs_service::responses::{Busy, Slow, Unavailable};
use bcs_service::server::{HeldBody, RequestScope};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::{geojson, probabilities};
use crate::app::App;
use crate::error::Error;
use crate::input::ReceiveTime;
use crate::openapi::{GeoJson, Image, ImageForm, RecordSchema};
use crate::origin::Origin;
use crate::prediction;
use crate::predictor::{self, Prediction, Probabilities};
use crate::render::{Colormap, DEFAULT_ALPHA, Format, OverlayStyle, Rendering};
use crate::upload::{self, UploadLimits};

/// Response header with the id of the prediction.
const PREDICTION_ID: HeaderName = HeaderName::from_static("x-prediction-id");
/// Response header with the version of the model.
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");
/// Response header with the drift score.
const DRIFT_SCORE: HeaderName = HeaderName::from_static("x-drift-score");

/// Kind of response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(default = "overlay")]
enum Output {
    /// The image with the class colours blended over it.
    #[default]
    Overlay,
    /// The class codes, as an 8-bit grey PNG.
    Mask,
    /// The probabilities of all classes as NumPy's `.npy`, float32 `[classes, height, width]`; with `class`, those of one
    /// class as 16-bit grey PNG, in which 65535 is 1.
    Probabilities,
    /// The stored record.
    Json,
    /// The regions of the classes as GeoJSON, in pixels from the top left corner, as QuPath reads it.
    Geojson,
}

/// Test-time augmentation: the mean probability over several views of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tta {
    /// One view, the image itself.
    None,
    /// Four views: flips.
    Flips,
    /// Eight views: flips and rotations by 90°.
    FlipsAndRotations,
}

impl From<Tta> for TestTimeAugmentation {
    fn from(tta: Tta) -> Self {
        match tta {
            Tta::None => Self::None,
            Tta::Flips => Self::Flips,
            Tta::FlipsAndRotations => Self::FlipsAndRotations,
        }
    }
}

/// Resolutions in µm/px that are accepted: from beyond 100× to below 1×.
const MPP: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// Query parameters.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// Kind of response.
    #[param(inline)]
    output: Output,
    /// Weight of the class colours in the overlay, from 0 to 1.
    #[param(minimum = 0.0, maximum = 1.0, default = 0.5)]
    alpha: f64,
    /// Class colours of the overlay: matplotlib's `YlGn` colour map, or the colours of the classes.
    #[param(inline)]
    colormap: Colormap,
    /// Whether a legend with the classes and their areas is drawn into the overlay.
    legend: bool,
    /// Code of the class whose probabilities are returned; all classes by default.
    class: Option<u8>,
    /// Resolution of the image in µm/px, for areas; by default that of a file name such as `…_MPP-0.25_….png`.
    #[param(minimum = 0.01, maximum = 100.0)]
    mpp: Option<f64>,
    /// Test-time augmentation; by default that of the server.
    #[param(inline)]
    tta: Option<Tta>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            output: Output::default(),
            alpha: DEFAULT_ALPHA,
            colormap: Colormap::default(),
            legend: false,
            class: None,
            mpp: None,
            tta: None,
        }
    }
}

impl Options {
    fn checked(query: Result<Query<Self>, QueryRejection>) -> Result<Self, Error> {
        let Query(options) = query.map_err(|rejection| Error::Query(rejection.body_text()))?;
        if !(0.0..=1.0).contains(&options.alpha) {
            return Err(Error::Query(format!("alpha is {}; give a number from 0 to 1", options.alpha)));
        }
        if let Some(mpp) = options.mpp.filter(|mpp| !MPP.contains(mpp)) {
            return Err(Error::Query(format!(
                "mpp is {mpp}; give a number from {} to {}",
                MPP.start(),
                MPP.end()
            )));
        }
        Ok(options)
    }
}

/// Segment an image
///
/// Responds with the image under the colours of its tissue classes, as PNG or, if `Accept` prefers it, as JPEG. The image
/// may have any size from `min_size` of `GET /info` up to the limits; the mask has the size of the image. Status 200 means
/// that record and mask are stored; `x-prediction-id` identifies them.
#[utoipa::path(
    post,
    path = "/predict-img/",
    tag = "predictions",
    params(
        Options,
        ("x-source" = Option<String>, Header, max_length = 64, pattern = "^[A-Za-z0-9._:-]{1,64}$",
            description = "Site or scanner of the image, for the record", example = "hospital-3:scanner-1"),
        ("x-case" = Option<String>, Header, max_length = 64, pattern = "^[A-Za-z0-9._:-]{1,64}$",
            description = "Patient or slide of the image, for the record; by default the patient in a TCGA-like file \
                name such as `TCGA-A2-A0D2-DX1_0_0.png`",
            example = "TCGA-A2-A0D2")
    ),
    request_body(content = ImageForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The overlay (PNG or JPEG), the mask (PNG), probabilities (.npy or PNG), the record (JSON) or regions (GeoJSON)",
            content(
                (Image = "image/png"),
                (Image = "image/jpeg"),
                (Image = "application/octet-stream"),
                (RecordSchema = "application/json"),
                (GeoJson = "application/geo+json")
            ),
            headers(
                ("x-request-id" = String, description = "Id of the request: the one sent, or a new one"),
                ("x-prediction-id" = String, description = "Id of the stored prediction"),
                ("x-model-version" = String, description = "Version of the model"),
                ("x-drift-score" = f64, description = "Share of images like the training data that are at least as unusual as this one (a conformal p-value), in (0, 1]; only if the model has a drift reference")
            ),
            links(
                ("record" = (operation_id = "record", parameters(("id" = "$response.header.x-prediction-id")))),
                ("mask" = (operation_id = "mask", parameters(("id" = "$response.header.x-prediction-id"))))
            )),
        (status = 400, description = "Not multipart, no image in it, a damaged image, or an invalid `x-source` or `x-case`", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Bad Request", "status": 400,
                "detail": "the png image is damaged or truncated: unexpected end of file"})),
        (status = 413, description = "Too many bytes, too many pixels, or more memory than the server has for an image", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Payload Too Large", "status": 413,
                "detail": "the image is 20000×20000 pixels, more than the 100000000 allowed; cut it into smaller regions"})),
        (status = 415, description = "Not an image of a supported format, or of a kind of it that is not supported; the detail names it", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unsupported Media Type", "status": 415,
                "detail": "the file is not an image of a supported format; send PNG, JPEG, TIFF, WebP or BMP"})),
        (status = 422, description = "An image too small for the model, an invalid query, or a mask too finely divided for GeoJSON", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422,
                "detail": "the image has 8×8 pixels; the model needs at least 16×16"})),
        Slow,
        Busy,
        Unavailable
    )
)]
pub async fn predict_img(
    State(app): State<Arc<App>>,
    query: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
    scope: RequestScope,
    body: Body,
) -> Result<Response, Error> {
    let format = Format::preferred(&headers);
    let result = predict(&app, query, &headers, format, scope, body).await;
    app.predictor.metrics.count(result.as_ref().err().map_or("stored", Error::outcome));
    result
}

async fn predict(
    app: &App,
    query: Result<Query<Options>, QueryRejection>,
    headers: &HeaderMap,
    format: Format,
    scope: RequestScope,
    body: Body,
) -> Result<Response, Error> {
    let limits = &app.settings.limits;
    let limits = UploadLimits { bytes: limits.max_upload_bytes, timeout: limits.upload_timeout() };
    let upload = upload::receive(body, headers, limits, &app.admission, scope).await?;
    let options = Options::checked(query)?;
    let Options { alpha, colormap, legend, .. } = options;
    let style = OverlayStyle { alpha, colormap, legend, format };
    let wanted = predictor::Options {
        origin: Origin::from_headers(headers, upload.file_name.as_deref())?,
        received: ReceiveTime::now(),
        mpp: options.mpp.or_else(|| tile_name::mpp(upload.file_name.as_deref()?)),
        rendering: Rendering {
            overlay: (options.output == Output::Overlay).then_some(style),
            regions: options.output == Output::Geojson,
        },
        tta: options.tta.map(TestTimeAugmentation::from),
        probabilities: (options.output == Output::Probabilities)
            .then(|| options.class.map_or(Probabilities::Npy, Probabilities::Png)),
    };
    let input = app.settings.storage.store_inputs.then(|| upload.bytes.clone());
    let not_ready = || Error::NotReady(app.health.state());
    let prediction = app.predictor.predict(upload.bytes, wanted, upload.ticket, not_ready).await?;
    let stored = prediction::store(app, &prediction, input).await?;
    let ticket = Arc::clone(&prediction.ticket);
    let (media_type, body) = answer(&options, prediction, stored.json, format);
    let mut response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
    describe(response.headers_mut(), &stored.record);
    // The memory of the response is free once it has been sent.
    Ok(response.map(|body| HeldBody::wrap(body, ticket)))
}

/// Returns media type and body of the answer.
fn answer(options: &Options, prediction: Prediction, json: Bytes, format: Format) -> (&'static str, Bytes) {
    let Prediction { rendered, probabilities, .. } = prediction;
    let png = Format::Png.media_type();
    match (options.output, rendered.overlay, probabilities, rendered.regions) {
        (Output::Overlay, Some(overlay), ..) => (format.media_type(), overlay),
        (Output::Probabilities, _, Some(probabilities), _) => {
            (if options.class.is_some() { png } else { probabilities::NPY }, probabilities)
        }
        (Output::Json, ..) => ("application/json", json),
        (Output::Geojson, .., Some(regions)) => (geojson::MEDIA_TYPE, regions),
        _ => (png, rendered.mask),
    }
}

/// Adds the headers that identify a prediction.
pub(super) fn describe(headers: &mut HeaderMap, record: &PredictionRecord) {
    let mut put = |name: HeaderName, value: &str| {
        // A version may have any characters, a header only ASCII.
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
