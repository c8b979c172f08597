//! `GET /predictions/{id}`, `/predictions/{id}/mask` and `/predictions/{id}/geojson`: record, mask and regions of a stored
//! prediction.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use bcs_contracts::record::ClassFraction;
use bcs_contracts::{PredictionRecord, TissueClass, class, keys};
use bcs_imaging::polygons;
use bcs_service::Problem;
use bcs_service::responses::{Busy, NotFound, Unavailable};
use bcs_service::server::RequestScope;

use crate::answer::geojson;
use crate::app::App;
use crate::error::Error;
use crate::openapi::{GeoJson, Image, RecordSchema};
use crate::prediction;
use crate::predictor::MASK_BYTES;

/// Record of a prediction
#[utoipa::path(
    get,
    path = "/predictions/{id}",
    tag = "predictions",
    params(("id" = String, Path, description = "Id of the prediction, from `x-prediction-id`",
        example = "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d")),
    responses(
        (status = 200, description = "The record as stored", body = RecordSchema),
        NotFound,
        Unavailable
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
        NotFound,
        Unavailable
    )
)]
pub async fn mask(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Error> {
    let bytes = prediction::fetch(&app, &text(id)?, keys::mask).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes))
}

/// Regions of a prediction
///
/// The regions of the classes as GeoJSON, in pixels from the top left corner, as QuPath reads it. Filling them gives the
/// mask.
#[utoipa::path(
    get,
    path = "/predictions/{id}/geojson",
    tag = "predictions",
    params(("id" = String, Path, description = "Id of the prediction, from `x-prediction-id`",
        example = "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d")),
    responses(
        (status = 200, description = "The regions", content_type = "application/geo+json", body = GeoJson),
        (status = 422, description = "The mask is divided too finely", body = Problem,
            content_type = "application/problem+json"),
        Busy,
        NotFound,
        Unavailable
    )
)]
pub async fn regions(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    scope: RequestScope,
) -> Result<impl IntoResponse, Error> {
    let id = text(id)?;
    let record = prediction::record(&app, &id).await?;
    let pixels = u64::from(record.input.width) * u64::from(record.input.height);
    let mut ticket = app.admission.admit(0, scope.deadline, scope.token).await?;
    ticket.decode(pixels * MASK_BYTES + polygons::memory(pixels)).await?;
    let mask = prediction::fetch(&app, &id, keys::mask).await?;
    let classes = classes(record);
    let encode = move || geojson::encode(&prediction::decode_mask(&mask)?, &classes);
    let encoded = app.predictor.workers.run(encode).await;
    let encoded = encoded.map_err(|panic| Error::Internal(panic.to_string()))??;
    Ok(([(header::CONTENT_TYPE, geojson::MEDIA_TYPE)], encoded))
}

/// Returns the classes of a record. A record of an earlier version has no colours.
fn classes(record: PredictionRecord) -> Vec<TissueClass> {
    let defaults = class::unnamed_classes(record.classes.len());
    let class = |(area, default): (ClassFraction, TissueClass)| TissueClass {
        code: area.code,
        name: area.name,
        color: area.color.unwrap_or(default.color),
    };
    record.classes.into_iter().zip(defaults).map(class).collect()
}

/// Returns the id. One that is not UTF-8 is none that exists.
pub(super) fn text(id: Result<Path<String>, PathRejection>) -> Result<String, Error> {
    id.map(|Path(id)| id).map_err(|_| Error::NoPrediction("?".to_owned()))
}
