//! `GET /predictions/{id}` and `/predictions/{id}/mask`: record and mask of a stored prediction.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use bcs_contracts::keys;
use bcs_service::Problem;

use crate::app::App;
use crate::error::Error;
use crate::openapi::{Image, RecordSchema};
use crate::prediction;

/// Record of a prediction
#[utoipa::path(
    get,
    path = "/predictions/{id}",
    tag = "predictions",
    params(("id" = String, Path, description = "Id of the prediction, from `x-prediction-id`",
        example = "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d")),
    responses(
        (status = 200, description = "The record as stored", body = RecordSchema),
        (status = 404, description = "No prediction has this id", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Not Found", "status": 404,
                "detail": "there is no prediction 'x'; the response header x-prediction-id has the id of a prediction"})),
        (status = 503, description = "The store cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn record(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Error> {
    let bytes = prediction::fetch(&app, &text(id)?, keys::record).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes))
}

/// Mask of a prediction
///
/// The class code of each pixel, as an 8-bit grey PNG.
#[utoipa::path(
    get,
    path = "/predictions/{id}/mask",
    tag = "predictions",
    params(("id" = String, Path, description = "Id of the prediction, from `x-prediction-id`",
        example = "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d")),
    responses(
        (status = 200, description = "The mask as stored", content_type = "image/png", body = Image),
        (status = 404, description = "No prediction has this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn mask(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Error> {
    let bytes = prediction::fetch(&app, &text(id)?, keys::mask).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes))
}

/// Returns the id. One that is not UTF-8 is none that exists.
fn text(id: Result<Path<String>, PathRejection>) -> Result<String, Error> {
    id.map(|Path(id)| id).map_err(|_| Error::NoPrediction("?".to_owned()))
}
