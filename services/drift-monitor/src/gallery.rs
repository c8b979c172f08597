//! Images of a run that its report shows: the most unusual ones, and those to label.

use std::sync::Arc;

use bcs_contracts::{Color, PredictionRecord, keys};
use bcs_drift::report::ShownImage;
use bcs_storage::Store;
use uuid::Uuid;

use crate::thumbnail::thumbnail;
use crate::to_label::ToLabel;
use crate::unusual::Unusual;

/// Images that a report shows, while the records come.
#[derive(Debug, Default)]
pub struct Gallery {
    unusual: Unusual,
    to_label: ToLabel,
}

/// What a report shows of a prediction.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Id of the prediction.
    pub id: Uuid,
    /// Patient or slide.
    pub case: Option<String>,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// How unusual the image is, a p-value.
    pub drift_score: Option<f64>,
    /// Key of the uploaded image, if the predictor stores images.
    pub input: String,
    /// Key of the mask.
    pub mask: String,
    /// Colours of the codes in the mask.
    pub colors: Vec<(u8, Color)>,
}

impl Subject {
    /// Returns what is shown of a prediction.
    pub fn of(record: &PredictionRecord) -> Self {
        let PredictionRecord { id, case, confidence, drift_score, mask, input, classes, .. } = record;
        let input = keys::day_of(*id).map(|day| keys::input(day, *id, &input.format)).unwrap_or_default();
        let colors = classes.iter().filter_map(|class| Some((class.code, class.color?))).collect();
        Self {
            id: *id,
            case: case.clone(),
            confidence: *confidence,
            drift_score: *drift_score,
            input,
            mask: mask.clone(),
            colors,
        }
    }

    fn shown(self, predictor: Option<&str>, thumbnail: Option<String>) -> ShownImage {
        let Self { id, case, confidence, drift_score, mask, .. } = self;
        let record = keys::day_of(id).map(|day| keys::record(day, id)).unwrap_or_default();
        let link = predictor.map(|address| format!("{}/predictions/{id}", address.trim_end_matches('/')));
        ShownImage { id: id.to_string(), case, confidence, drift_score, mask, record, link, thumbnail }
    }
}

impl Gallery {
    /// Takes a prediction into account. One with a corrected mask is not asked for again.
    pub fn add(&mut self, record: &PredictionRecord, has_label: bool) {
        self.unusual.add(record);
        if !has_label {
            self.to_label.add(record);
        }
    }

    /// Returns the most unusual images and those to label, with their thumbnails. `predictor` is the address of the predictor,
    /// if it is known.
    pub async fn finish(self, store: &Arc<dyn Store>, predictor: Option<&str>) -> [Vec<ShownImage>; 2] {
        let mut shown = [Vec::new(), Vec::new()];
        for (shown, subjects) in shown.iter_mut().zip([self.unusual.images(), self.to_label.chosen()]) {
            for subject in subjects {
                let thumbnail = thumbnail(store, &subject).await;
                shown.push(subject.shown(predictor, thumbnail));
            }
        }
        shown
    }
}
