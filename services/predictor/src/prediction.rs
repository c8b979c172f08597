//! From the bytes of an image to a stored prediction, step by step. Every step is a future, so whoever leaves
//! between two of them costs nothing further.

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
use crate::input::{Arrival, Input};
use crate::record;

/// An image that the model has answered; nothing of it is stored yet.
#[derive(Debug)]
pub struct Prediction {
    /// Its id, and the day in that.
    pub id: Uuid,
    /// The image.
    pub input: Input,
    /// What the model made of it.
    pub segmentation: Segmentation,
    /// The model that answered.
    pub model: Arc<ModelInfo>,
}

/// A prediction that is in the store.
#[derive(Debug)]
pub struct Stored {
    /// What is written down of it.
    pub record: PredictionRecord,
    /// The same as it lies in the store.
    pub json: Bytes,
}

/// Decodes, measures and segments an image.
///
/// # Errors
/// [`Error::NotReady`]; [`Error::Image`]; [`Error::Undecodable`]; [`Error::Inference`].
pub async fn segment(app: &App, bytes: Bytes) -> Result<Prediction, Error> {
    let arrival = Arrival::now();
    // An image goes on to a model that is open and failing: its answer is how that is seen to have recovered.
    let model = app.inference.info().ok_or_else(|| Error::NotReady(app.health.state()))?;
    let limit = app.settings.limits.queue.get();
    if app.inference.waiting() >= limit {
        // Known before anything is decoded.
        return Err(bcs_inference::Error::QueueFull(limit).into());
    }
    let limits = Limits { max_pixels: app.settings.limits.max_pixels };
    let timer = app.metrics.decode.start_timer();
    let read = app.workers.run(move || Input::read(&bytes, limits, arrival)).await;
    let input = read.map_err(|_| Error::Undecodable)??;
    timer.observe_duration();
    app.metrics.pixels.observe(f64::from(input.info.width) * f64::from(input.info.height));

    let timer = app.metrics.inference.start_timer();
    let segmentation = app.inference.segment(Arc::clone(&input.image)).await?;
    timer.observe_duration();
    Ok(Prediction { id: Uuid::now_v7(), input, segmentation, model: Arc::clone(model) })
}

/// Stores a prediction: the image if that is wanted, the mask, and last the record, so that whoever finds a record
/// finds the others.
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
    let record =
        record::describe(id, &prediction.input, &prediction.segmentation, &prediction.model, mask_key);
    let json = serde_json::to_vec_pretty(&record).map_err(|error| Error::Internal(error.to_string()))?;
    let json = Bytes::from(json);
    put(app, &keys::record(day, id), json.clone()).await?;
    Ok(Stored { record, json })
}

async fn put(app: &App, key: &str, bytes: Bytes) -> Result<(), Error> {
    app.store.put(key, bytes, PutMode::Create).await.map_err(Error::Store)
}

/// Reads what was stored under the key that `key_of` makes of a prediction's id.
///
/// # Errors
/// [`Error::NoPrediction`]; [`Error::Store`].
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
    keys::day_of(id).ok_or_else(|| Error::Internal(format!("the id {id} has no time")))
}
