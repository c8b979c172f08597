//! Quality of the predictions of a run: estimated for all of them, measured for those with a corrected mask.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bcs_contracts::record::ClassFraction;
use bcs_contracts::reference::ClassCalibration;
use bcs_contracts::{PredictionRecord, keys};
use bcs_drift::quality::{Areas, Estimates, WindowQuality};
use bcs_imaging::Limits;
use bcs_imaging::decode::decode_mask;
use bcs_storage::Store;
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use crate::error::Error;

/// Largest number of corrected masks that are read, the newest.
const MOST_LABELS: usize = 1_000;

/// Number of masks that are read at the same time.
const CONCURRENCY: usize = 4;

/// Seed of the intervals.
const SEED: u64 = 0;

/// Quality of predictions, while their records come.
#[derive(Debug, Default)]
pub struct Quality {
    estimates: Estimates,
    /// Predictions with a corrected mask.
    labels: HashSet<Uuid>,
    labelled: Vec<Labelled>,
    /// Areas that were counted in the corrected masks, by prediction.
    counted: BTreeMap<Uuid, Vec<Areas>>,
}

/// A prediction of the run with a corrected mask.
#[derive(Debug)]
struct Labelled {
    id: Uuid,
    case: Option<String>,
    classes: Vec<ClassFraction>,
    expected: Vec<Areas>,
    mask: String,
}

impl Quality {
    /// Looks which predictions of a bucket have a corrected mask. `calibration` is that of the model.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn start(store: &dyn Store, calibration: Vec<ClassCalibration>) -> Result<Self, Error> {
        let keys = store.list(keys::LABELS).await?;
        let labels = keys.iter().filter_map(|key| keys::labelled(key)).collect();
        Ok(Self { estimates: Estimates::new(calibration), labels, ..Self::default() })
    }

    /// Adds the record of a prediction, and returns whether it has a corrected mask.
    pub fn add(&mut self, record: &PredictionRecord) -> bool {
        let PredictionRecord { id, case, classes, mask, .. } = record;
        let (expected, has_label) = (self.estimates.add(case.as_deref(), classes), self.labels.contains(id));
        if let Some(expected) = expected.filter(|_| has_label) {
            let (case, classes, mask) = (case.clone(), classes.clone(), mask.clone());
            self.labelled.push(Labelled { id: *id, case, classes, expected, mask });
        }
        has_label
    }

    /// Compares the masks of the predictions with the corrected ones. Damaged masks are left out.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn measure(&mut self, store: &Arc<dyn Store>) -> Result<(), Error> {
        let mut labelled = std::mem::take(&mut self.labelled);
        labelled.sort_by_key(|labelled| labelled.id);
        labelled.drain(..labelled.len().saturating_sub(MOST_LABELS));
        let store = Arc::clone(store);
        let counting = labelled.into_iter().map(move |labelled| count(Arc::clone(&store), labelled));
        let mut counting = stream::iter(counting).buffered(CONCURRENCY);
        while let Some(counted) = counting.next().await {
            if let Some((Labelled { id, case, expected, .. }, counted)) = counted? {
                self.estimates.add_label(case.as_deref(), expected.into_iter().zip(counted.iter().copied()));
                self.counted.insert(id, counted);
            }
        }
        Ok(())
    }

    /// Areas that were counted in the corrected masks, by prediction.
    pub fn counted(&self) -> &BTreeMap<Uuid, Vec<Areas>> {
        &self.counted
    }

    /// Returns the quality; `None` if no record has expected areas.
    pub fn finish(&self) -> Option<WindowQuality> {
        self.estimates.quality(SEED)
    }
}

/// Counts the areas of the classes in the masks of a prediction; `None` if one is damaged or was deleted.
async fn count(store: Arc<dyn Store>, labelled: Labelled) -> Result<Option<(Labelled, Vec<Areas>)>, Error> {
    let label = keys::label(labelled.id);
    let (Some(truth), Some(predicted)) = (store.find(&label).await?, store.find(&labelled.mask).await?)
    else {
        return Ok(None);
    };
    let codes: Vec<u8> = labelled.classes.iter().map(|class| class.code).collect();
    let counted = tokio::task::spawn_blocking(move || compare(&predicted, &truth, &codes)).await;
    match counted.map_err(|error| Error::Internal(error.to_string()))? {
        Ok(counted) => Ok(Some((labelled, counted))),
        Err(reason) => {
            tracing::warn!(key = label, reason, "Left out a corrected mask.");
            Ok(None)
        }
    }
}

/// Counts the areas of the classes with these codes.
fn compare(predicted: &[u8], truth: &[u8], codes: &[u8]) -> Result<Vec<Areas>, String> {
    let decode = |bytes| decode_mask(bytes, Limits::default()).map_err(|error| error.to_string());
    let (predicted, truth) = (decode(predicted)?, decode(truth)?);
    if predicted.dimensions() != truth.dimensions() {
        return Err("it has another size than the predicted mask".to_owned());
    }
    Ok(codes.iter().map(|code| Areas::counted(predicted.as_raw(), truth.as_raw(), *code)).collect())
}

#[cfg(test)]
mod tests {
    use bcs_imaging::encode::mask_png;
    use bcs_storage::{Bytes, LocalStore, PutMode};
    use image::GrayImage;
    use serde_json::json;

    use super::*;
    use crate::records::tests::record;

    /// A prediction whose upper half is tumour, with probability 0.9.
    fn prediction(case: &str) -> PredictionRecord {
        let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
        let mut record: PredictionRecord = serde_json::from_str(&text).unwrap();
        record.case = Some(case.to_owned());
        record.mask = format!("masks/{}.png", record.id);
        let class = |code, name| json!({"code": code, "name": name, "pixels": 50, "fraction": 0.5, "expected_pixels": 50.0, "expected_right": 45.0});
        record.classes = serde_json::from_value(json!([class(0, "other"), class(7, "tumour")])).unwrap();
        record
    }

    /// A mask of 100 pixels of which the first ones are tumour.
    fn mask(tumour: usize) -> Bytes {
        let codes = (0..100).map(|at| if at < tumour { 7 } else { 0 }).collect();
        mask_png(&GrayImage::from_raw(10, 10, codes).unwrap()).unwrap().into()
    }

    #[tokio::test]
    async fn corrected_masks_are_compared_with_the_predicted_ones() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        let put = async |key: &str, bytes: Bytes| store.put(key, bytes, PutMode::Create).await.unwrap();
        let predictions = ["a", "b", "c", "d"].map(prediction);
        for (prediction, label) in predictions.iter().zip([mask(30), mask(30), Bytes::from("damaged")]) {
            put(&prediction.mask, mask(50)).await;
            put(&keys::label(prediction.id), label).await;
        }
        put("labels/of-nothing.png", mask(1)).await;

        let mut quality = Quality::start(store.as_ref(), Vec::new()).await.unwrap();
        assert_eq!(
            predictions.each_ref().map(|prediction| quality.add(prediction)),
            [true, true, true, false]
        );
        quality.measure(&store).await.unwrap();
        assert_eq!(quality.counted().len(), 2);
        let found = quality.finish().unwrap();
        assert_eq!((found.images, found.labelled, found.calibrated), (4, 2, false));
        let tumour = &found.classes[1];
        assert!((tumour.estimated.unwrap().dice - 0.9).abs() < 1e-12, "{tumour:?}");
        let measured = tumour.measured.unwrap();
        assert_eq!((measured.dice, measured.cases), (2.0 * 30.0 / 80.0, 2));
    }
}
