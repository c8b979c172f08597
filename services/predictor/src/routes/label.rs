//! `PUT /predictions/{id}/label`: a pathologist's corrected mask, and how well the prediction agrees with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use bcs_contracts::{PredictionRecord, keys};
use bcs_imaging::decode::decode_lossless_mask;
use bcs_imaging::dice;
use bcs_service::Problem;
use bcs_service::responses::{Busy, NotFound, Slow, Unavailable};
use bcs_service::server::RequestScope;
use bcs_storage::PutMode;
use bytes::Bytes;
use image::GrayImage;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::predictions;
use crate::app::App;
use crate::error::Error;
use crate::openapi::Image;
use crate::prediction;
use crate::upload::{self, UploadLimits};

/// Agreement of a prediction with its corrected mask.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agreement {
    /// Id of the prediction.
    id: Uuid,
    /// Dice coefficient of each class by name, in [0, 1]; null for a class that is in neither mask.
    dice: BTreeMap<String, Option<f64>>,
    /// Mean over the classes that are in one of the masks.
    mean_dice: Option<f64>,
}

/// Correct a prediction
///
/// The body is the corrected mask: a PNG of class codes with the size of the prediction's mask, one byte a pixel. It is
/// stored beside the prediction, in place of an earlier one. The answer tells how well the prediction agrees with it.
#[utoipa::path(
    put,
    path = "/predictions/{id}/label",
    tag = "predictions",
    params(("id" = String, Path, description = "Id of the prediction, from `x-prediction-id`",
        example = "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d")),
    request_body(content = Image, content_type = "image/png", description = "The corrected mask"),
    responses(
        (status = 200, description = "The mask is stored", body = Agreement,
            example = json!({"id": "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d",
                "dice": {"other": 0.97, "tumour": 0.88}, "mean_dice": 0.925})),
        (status = 400, description = "A damaged image, or one that has colours or 16 bits", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "Too many bytes or pixels", body = Problem,
            content_type = "application/problem+json"),
        (status = 415, description = "Not a PNG: other formats may change the codes", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "Another size than the prediction, or codes that are none of its classes", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422,
                "detail": "the mask has the code 3, which is none of the classes of the prediction (0, 1)"})),
        NotFound,
        Slow,
        Busy,
        Unavailable
    )
)]
pub async fn label(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    scope: RequestScope,
    body: Body,
) -> Result<Json<Agreement>, Error> {
    let id = predictions::text(id)?;
    let limits = &app.settings.limits;
    let limits = UploadLimits { bytes: limits.max_upload_bytes, timeout: limits.upload_timeout() };
    let (bytes, mut ticket) = upload::receive_whole(body, limits, &app.admission, scope).await?;
    let record = prediction::record(&app, &id).await?;
    let predicted = prediction::fetch(&app, &id, keys::mask).await?;
    // Two masks of one byte a pixel, and what their decoders need besides.
    ticket.decode(u64::from(record.input.width) * u64::from(record.input.height) * 4).await?;

    let label = bytes.clone();
    let limits = app.predictor.limits;
    let work = move || {
        let label = decode_lossless_mask(&label, limits)?;
        let record = check(record, &label)?;
        let scores = agreement(&record, &predicted, &label)?;
        Ok::<_, Error>((record, scores))
    };
    let (record, scores) = app.predictor.workers.run(work).await.map_err(|_| Error::Undecodable)??;
    let store = app.store.until(ticket.deadline());
    store.put(&keys::label(record.id), bytes, PutMode::Overwrite).await.map_err(Error::Store)?;
    app.predictor.metrics.labelled(scores.iter().filter_map(|(name, dice)| Some((name.as_str(), (*dice)?))));
    let known: Vec<f64> = scores.values().flatten().copied().collect();
    let mean_dice = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
    Ok(Json(Agreement { id: record.id, dice: scores, mean_dice }))
}

/// Checks that a mask has the size and the classes of a prediction.
fn check(record: PredictionRecord, label: &GrayImage) -> Result<PredictionRecord, Error> {
    let (width, height) = label.dimensions();
    if (width, height) != (record.input.width, record.input.height) {
        return Err(Error::Label(format!(
            "the mask has {width}×{height} pixels, but the prediction has {}×{}",
            record.input.width, record.input.height
        )));
    }
    let mut known = [false; 256];
    record.classes.iter().for_each(|class| known[usize::from(class.code)] = true);
    let codes = || record.classes.iter().map(|class| class.code.to_string()).collect::<Vec<_>>().join(", ");
    match label.as_raw().iter().find(|code| !known[usize::from(**code)]) {
        None => Ok(record),
        Some(code) => Err(Error::Label(format!(
            "the mask has the code {code}, which is none of the classes of the prediction ({})",
            codes()
        ))),
    }
}

/// Returns the Dice coefficient of each class by name.
fn agreement(
    record: &PredictionRecord,
    predicted: &Bytes,
    label: &GrayImage,
) -> Result<BTreeMap<String, Option<f64>>, Error> {
    let predicted = prediction::decode_mask(predicted)?;
    let codes: Vec<u8> = record.classes.iter().map(|class| class.code).collect();
    let scores = dice(&predicted, label, &codes)
        .map_err(|error| Error::Internal(format!("the mask of {}: {error}", record.id)))?;
    Ok(record.classes.iter().map(|class| class.name.clone()).zip(scores).collect())
}
