//! From uploaded bytes to a stored prediction. Every step is a future, so a client that disconnects cancels the steps
//! that have not started.

use std::sync::Arc;

use bcs_contracts::{PredictionRecord, keys};
use bcs_imaging::Limits;
use bcs_inference::{ModelInfo, Segmentation};
use bcs_storage::PutMode;
use bytes::Bytes;
use jiff::civil::Date;
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::input::{Input, ReceiveTime};
use crate::origin::Origin;
use crate::record;

/// A prediction that is not stored yet.
#[derive(Debug)]
pub struct Prediction {
    /// Version 7 UUID, which determines the day it is stored under.
    pub id: Uuid,
    /// The image.
    pub input: Input,
    /// The segmentation.
    pub segmentation: Segmentation,
    /// The model that made it.
    pub model: Arc<ModelInfo>,
}

/// A stored prediction.
#[derive(Debug)]
pub struct Stored {
    /// The record.
    pub record: PredictionRecord,
    /// The record as stored.
    pub json: Bytes,
}

/// Decodes, measures and segments an image.
///
/// # Errors
/// [`Error::NotReady`], [`Error::Image`], [`Error::Undecodable`] or [`Error::Inference`].
pub async fn segment(app: &App, bytes: Bytes, origin: Origin) -> Result<Prediction, Error> {
    let received = ReceiveTime::now();
    // Requests are passed on to a loaded model that failed before, because that is how its recovery is noticed.
    let model = app.inference.info().ok_or_else(|| Error::NotReady(app.health.state()))?;
    let limit = app.settings.limits.queue.get();
    if app.inference.waiting() >= limit {
        // Refused before decoding.
        return Err(bcs_inference::Error::QueueFull(limit).into());
    }
    let limits = Limits { max_pixels: app.settings.limits.max_pixels };
    let timer = app.metrics.decode.start_timer();
    let window = model.tile;
    let read = app.workers.run(move || Input::read(&bytes, limits, window, origin, received)).await;
    let input = read.map_err(|_| Error::Undecodable)??;
    timer.observe_duration();
    app.metrics.pixels.observe(f64::from(input.info.width) * f64::from(input.info.height));

    let timer = app.metrics.inference.start_timer();
    let segmentation = app.inference.segment(Arc::clone(&input.image)).await?;
    timer.observe_duration();
    Ok(Prediction { id: Uuid::now_v7(), input, segmentation, model: Arc::clone(model) })
}

/// Stores a prediction: the uploaded image if given, the mask, and last the record, so that a reader that finds a record
/// also finds the mask.
///
/// # Errors
/// [`Error::Store`].
pub async fn store(
    app: &App,
    prediction: &Prediction,
    mask: Bytes,
    upload: Option<Bytes>,
) -> Result<Stored, Error> {
    let id = prediction.id;
    let day = day_of(id)?;
    if let Some(upload) = upload {
        put(app, &keys::input(day, id, &prediction.input.info.format), upload).await?;
    }
    let mask_key = keys::mask(day, id);
    put(app, &mask_key, mask).await?;
    let Prediction { input, segmentation, model, .. } = prediction;
    let record = record::describe(id, input, segmentation, model, app.novelty(model), mask_key);
    let json = serde_json::to_vec_pretty(&record).map_err(|error| Error::Internal(error.to_string()))?;
    let json = Bytes::from(json);
    put(app, &keys::record(day, id), json.clone()).await?;
    Ok(Stored { record, json })
}

async fn put(app: &App, key: &str, bytes: Bytes) -> Result<(), Error> {
    app.store.put(key, bytes, PutMode::Create).await.map_err(Error::Store)
}

/// Reads the object of a prediction at the key that `key_of` returns for its day and id.
///
/// # Errors
/// [`Error::NoPrediction`] or [`Error::Store`].
pub async fn fetch(app: &App, id: &str, key_of: impl Fn(Date, Uuid) -> String) -> Result<Bytes, Error> {
    let missing = || Error::NoPrediction(id.to_owned());
    let uuid: Uuid = id.parse().map_err(|_| missing())?;
    let day = keys::day_of(uuid).ok_or_else(missing)?;
    app.store.get(&key_of(day, uuid)).await.map_err(|error| match error {
        bcs_storage::Error::NotFound { .. } => missing(),
        other => Error::Store(other),
    })
}

fn day_of(id: Uuid) -> Result<Date, Error> {
    keys::day_of(id).ok_or_else(|| Error::Internal(format!("the id {id} has no timestamp")))
}
