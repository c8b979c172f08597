//! Images whose corrected masks would tell most about the quality of the model.

use std::collections::BTreeMap;

use bcs_contracts::{PredictionRecord, keys};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Largest number of images that are asked for.
const MOST: usize = 10;

/// Largest number of images of one case, which resemble each other.
const MOST_OF_CASE: usize = 2;

/// An image to label.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ToLabel {
    /// Id of the prediction; the predictor takes the corrected mask at `PUT /predictions/{id}/label`.
    pub id: Uuid,
    /// Patient or slide.
    pub case: Option<String>,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// How unusual the image is compared with the drift reference, in [0, 1].
    pub drift_score: Option<f64>,
    /// Key of the predicted mask in the bucket of the predictions.
    pub mask: String,
    /// Key of the record in the same bucket.
    pub record: String,
}

/// Images that were seen so far, of which those that would tell most are kept.
#[derive(Debug, Default)]
pub struct Choice {
    by_case: BTreeMap<Option<String>, Vec<(f64, ToLabel)>>,
}

impl Choice {
    /// Takes an image into account.
    pub fn add(&mut self, record: PredictionRecord) {
        let PredictionRecord { id, case, confidence, drift_score, mask, .. } = record;
        // Unusual images of which the model is unsure: either alone may be an easy image.
        let worth = (1.0 - confidence) * drift_score.unwrap_or(1.0);
        let record = keys::day_of(id).map(|day| keys::record(day, id)).unwrap_or_default();
        let most = if case.is_some() { MOST_OF_CASE } else { MOST };
        let kept = self.by_case.entry(case.clone()).or_default();
        kept.push((worth, ToLabel { id, case, confidence, drift_score, mask, record }));
        sort(kept);
        kept.truncate(most);
    }

    /// Returns the images that would tell most, those first that tell most.
    pub fn images(self) -> Vec<ToLabel> {
        let mut all: Vec<_> = self.by_case.into_values().flatten().collect();
        sort(&mut all);
        all.truncate(MOST);
        all.into_iter().map(|(_, image)| image).collect()
    }
}

fn sort(images: &mut [(f64, ToLabel)]) {
    images.sort_by(|(a, of_a), (b, of_b)| b.total_cmp(a).then_with(|| of_a.id.cmp(&of_b.id)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::record;

    #[test]
    fn unsure_and_unusual_images_of_many_cases_are_chosen() {
        let mut choice = Choice::default();
        for case in 0..8 {
            for image in 0..5 {
                let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
                let mut record: PredictionRecord = serde_json::from_str(&text).unwrap();
                record.case = Some(format!("case {case}"));
                record.confidence = 0.9 - 0.1 * f64::from(image);
                record.drift_score = Some(f64::from(case) / 8.0);
                choice.add(record);
            }
        }
        let images = choice.images();
        assert_eq!(images.len(), 10);
        let cases: Vec<&str> = images.iter().filter_map(|image| image.case.as_deref()).collect();
        assert_eq!((cases[0], cases.iter().filter(|case| **case == "case 7").count()), ("case 7", 2));
        assert!(images.iter().all(|image| image.confidence < 0.65), "{images:?}");
        assert!(images[0].record.starts_with("records/date=2026-11-22/"));
    }
}
