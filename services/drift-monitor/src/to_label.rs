//! Images whose corrected masks would tell most about the quality of the model.

use std::cmp::Ordering;

use bcs_contracts::PredictionRecord;
use bcs_drift::quality::{Candidate, to_label};
use uuid::Uuid;

use crate::gallery::Subject;

/// Largest number of images that are asked for.
const MOST: usize = 10;

/// Number of images, those of which the model is most uncertain, among which is chosen.
const CANDIDATES: usize = 1_000;

/// Images that were seen so far, of which the most uncertain are kept.
#[derive(Debug, Default)]
pub struct ToLabel {
    seen: Vec<(Candidate, Subject)>,
    /// The last of as many images as are kept, once there are so many.
    last: Option<(f64, Uuid)>,
}

impl ToLabel {
    /// Takes an image without a corrected mask into account.
    pub fn add(&mut self, record: &PredictionRecord) {
        if self.last.is_some_and(|last| order(last, (record.entropy, record.id)).is_le()) {
            return;
        }
        let candidate = Candidate { uncertainty: record.entropy, features: record.features.clone() };
        self.seen.push((candidate, Subject::of(record)));
        if self.seen.len() >= 2 * CANDIDATES {
            self.thin();
            self.last = self.seen.last().map(rank);
        }
    }

    /// Returns the images that would tell most, those first that tell most.
    pub fn chosen(mut self) -> Vec<Subject> {
        self.thin();
        let (candidates, subjects): (Vec<_>, Vec<_>) = self.seen.into_iter().unzip();
        to_label(&candidates, MOST).into_iter().map(|at| subjects[at].clone()).collect()
    }

    fn thin(&mut self) {
        self.seen.sort_by(|a, b| order(rank(a), rank(b)));
        self.seen.truncate(CANDIDATES);
    }
}

fn rank((candidate, subject): &(Candidate, Subject)) -> (f64, Uuid) {
    (candidate.uncertainty, subject.id)
}

/// Compares images by uncertainty and id: the more uncertain come first.
fn order((a, of_a): (f64, Uuid), (b, of_b): (f64, Uuid)) -> Ordering {
    b.total_cmp(&a).then_with(|| of_a.cmp(&of_b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::record;

    #[test]
    fn uncertain_images_that_differ_are_chosen_among_many() {
        let mut to_label = ToLabel::default();
        for image in 0..3 * CANDIDATES {
            let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
            let mut record: PredictionRecord = serde_json::from_str(&text).unwrap();
            let group = image % 6;
            record.case = Some(format!("case {group}"));
            record.entropy = 0.9 - 0.1 * group as f64;
            record.features.insert("grey_mean".to_owned(), group as f64);
            to_label.add(&record);
        }
        let cases: Vec<Option<String>> = to_label.chosen().into_iter().map(|subject| subject.case).collect();
        // The thousand most uncertain images are of groups 0 and 1, and all of a group are alike.
        assert_eq!(cases, [Some("case 0".to_owned()), Some("case 1".to_owned())]);
    }
}
