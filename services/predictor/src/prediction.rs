//! Stores predictions and reads them back.

use std::sync::Arc;
use std::time::Instant;

use bcs_contracts::{PredictionRecord, keys};
use bcs_imaging::{Limits, decode};
use bcs_storage::{PutMode, Store};
use bytes::Bytes;
use image::GrayImage;
use jiff::civil::Date;
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::predictor::Prediction;

/// A stored prediction.
#[derive(Debug)]
pub struct Stored {
    /// The record.
    pub record: PredictionRecord,
    /// The record as stored.
    pub json: Bytes,
}

/// Stores a prediction: the uploaded image if given, the mask, and last the record, so that a reader that finds a record
/// also finds the mask.
///
/// # Errors
/// [`Error::Refused`] if the request is cancelled or too late; [`Error::Store`].
pub async fn store(app: &App, prediction: &Prediction, upload: Option<Bytes>) -> Result<Stored, Error> {
    prediction.ticket.check()?;
    let timer = app.predictor.metrics.store.start_timer();
    let stored = tokio::select! {
        biased;
        stored = put_all(app, prediction, upload) => stored?,
        refused = prediction.ticket.refused() => return Err(refused.into()),
    };
    timer.observe_duration();
    Ok(stored)
}

async fn put_all(app: &App, prediction: &Prediction, upload: Option<Bytes>) -> Result<Stored, Error> {
    let id = prediction.id();
    let day = day_of(id)?;
    let store = app.store.until(prediction.ticket.deadline().min(deadline(app)));
    if let Some(upload) = upload {
        put(&store, &keys::input(day, id, prediction.format()), upload).await?;
    }
    let mask_key = keys::mask(day, id);
    put(&store, &mask_key, prediction.rendered.mask.clone()).await?;
    let record = prediction.record(mask_key);
    let json = serde_json::to_vec(&record).map_err(|error| Error::Internal(error.to_string()))?;
    let json = Bytes::from(json);
    put(&store, &keys::record(day, id), json.clone()).await?;
    Ok(Stored { record, json })
}

/// Returns the time by which the store must have done what a request asks of it.
fn deadline(app: &App) -> Instant {
    Instant::now() + app.settings.limits.store_timeout()
}

async fn put(store: &Arc<dyn Store>, key: &str, bytes: Bytes) -> Result<(), Error> {
    store.put(key, bytes, PutMode::Create).await.map_err(Error::Store)
}

/// Reads the object of a prediction at the key that `key_of` returns for its day and id.
///
/// # Errors
/// [`Error::NoPrediction`] or [`Error::Store`].
pub async fn fetch(app: &App, id: &str, key_of: impl Fn(Date, Uuid) -> String) -> Result<Bytes, Error> {
    let missing = || Error::NoPrediction(id.to_owned());
    let uuid: Uuid = id.parse().map_err(|_| missing())?;
    let day = keys::day_of(uuid).ok_or_else(missing)?;
    app.store.until(deadline(app)).get(&key_of(day, uuid)).await.map_err(|error| match error {
        bcs_storage::Error::NotFound { .. } => missing(),
        other => Error::Store(other),
    })
}

/// Reads the record of a prediction.
///
/// # Errors
/// As [`fetch`]; [`Error::Internal`] for a record that this version cannot read.
pub async fn record(app: &App, id: &str) -> Result<PredictionRecord, Error> {
    let json = fetch(app, id, keys::record).await?;
    serde_json::from_slice(&json).map_err(|error| Error::Internal(format!("the record of {id}: {error}")))
}

/// Decodes a stored mask, which is within the limits of an image.
///
/// # Errors
/// [`Error::Internal`] for an object that is none.
pub fn decode_mask(bytes: &[u8]) -> Result<GrayImage, Error> {
    let limits = Limits { max_pixels: u64::MAX };
    decode::decode_mask(bytes, limits).map_err(|error| Error::Internal(format!("a stored mask: {error}")))
}

fn day_of(id: Uuid) -> Result<Date, Error> {
    keys::day_of(id).ok_or_else(|| Error::Internal(format!("the id {id} has no timestamp")))
}
