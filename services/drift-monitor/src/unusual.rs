//! The most unusual images of a run.

use std::collections::BTreeMap;

use bcs_contracts::PredictionRecord;

use crate::gallery::Subject;

/// Largest number of images that are shown.
const MOST: usize = 8;

/// Largest number of images of one case, which resemble each other.
const MOST_OF_CASE: usize = 2;

/// Images that were seen so far, of which the most unusual are kept: those with the smallest p-value, and of equal ones those of
/// which the model is less sure.
#[derive(Debug, Default)]
pub struct Unusual {
    kept: Vec<([f64; 2], Subject)>,
}

impl Unusual {
    /// Takes an image into account; one without a p-value does not count.
    pub fn add(&mut self, record: &PredictionRecord) {
        let Some(p_value) = record.drift_score else { return };
        let rank = [p_value, record.confidence];
        if self.kept.len() == MOST && self.kept.last().is_some_and(|(last, _)| rank >= *last) {
            return;
        }
        let at = self.kept.partition_point(|(known, _)| *known <= rank);
        self.kept.insert(at, (rank, Subject::of(record)));
        let mut of_case: BTreeMap<Option<String>, usize> = BTreeMap::new();
        self.kept.retain(|(_, Subject { case, .. })| {
            let count = of_case.entry(case.clone()).or_default();
            *count += 1;
            case.is_none() || *count <= MOST_OF_CASE
        });
        self.kept.truncate(MOST);
    }

    /// Returns the most unusual images, those first that are most unusual.
    pub fn images(self) -> Vec<Subject> {
        self.kept.into_iter().map(|(_, subject)| subject).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::record;

    #[test]
    fn the_smallest_p_values_of_several_cases_are_kept() {
        let mut unusual = Unusual::default();
        for image in 0..300_u32 {
            let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
            let mut record: PredictionRecord = serde_json::from_str(&text).unwrap();
            // Of the first case, all are unusual.
            record.case = Some(format!("case {}", image % 10));
            let p_value = if image % 10 == 0 { 0.001 } else { f64::from(1 + image * 7 % 300) / 300.0 };
            record.drift_score = (image != 5).then_some(p_value);
            record.confidence = f64::from(image) / 300.0;
            unusual.add(&record);
        }
        let images = unusual.images();
        assert_eq!(images.len(), MOST);
        let of_first: Vec<f64> = images
            .iter()
            .filter(|image| image.case.as_deref() == Some("case 0"))
            .map(|image| image.confidence)
            .collect();
        assert_eq!(of_first, [0.0, 10.0 / 300.0]);
        assert!(images.is_sorted_by_key(|image| image.drift_score));
        assert!(images[MOST - 1].drift_score < Some(0.05), "{images:?}");
    }
}
