//! The score that selects a checkpoint and that packages, evaluations and reports state.

use super::OverlapScores;
use crate::error::{Error, argument};

/// Definition of the score of a model: the mean pooled Dice over a fixed set of classes.
///
/// - **Counted classes**: all but background that have truth pixels in the data set. The set follows from the truth
///   alone, so it is fixed before the first epoch, and the scores of all epochs and models on one data set are
///   comparable. The other classes are [left out](Self::left_out): their Dice would be 0 if a single pixel is wrongly
///   predicted, and undefined otherwise.
/// - **Absent class**: a counted class that is never predicted scores 0.
/// - **Ties**: of equal scores, the earlier epoch is the better one.
///
/// ```
/// use bcs_model::metrics::{Overlap, ValMetric};
///
/// // Background, tumor, stroma, and a class without truth pixels.
/// let metric = ValMetric::new(&[2, 2, 1, 0], Some(0))?;
/// assert_eq!((metric.counted(), metric.left_out()), ([1, 2].as_slice(), vec![3]));
/// let mut overlap = Overlap::new(4);
/// overlap.add(&[0, 0, 1, 1, 2], &[0, 3, 1, 1, 1])?;
/// assert_eq!(metric.value(&overlap.scores()), (0.8 + 0.0) / 2.0);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValMetric {
    counted: Vec<usize>,
    left_out: Vec<usize>,
}

impl ValMetric {
    /// Fixes the counted classes from the number of truth pixels of each class, ignored pixels apart. `background` is
    /// the index of the background class.
    ///
    /// # Errors
    /// [`Error::Argument`] if no class but background has a truth pixel.
    pub fn new(class_pixels: &[u64], background: Option<usize>) -> Result<Self, Error> {
        let foreground = (0..class_pixels.len()).filter(|class| Some(*class) != background);
        let (counted, left_out): (Vec<_>, Vec<_>) = foreground.partition(|class| class_pixels[*class] > 0);
        if counted.is_empty() {
            let reason = "has pixels of no class but background; a score needs at least one other class";
            return Err(argument("the ground truth", reason));
        }
        Ok(Self { counted, left_out })
    }

    /// Returns the indices of the counted classes, ascending.
    pub fn counted(&self) -> &[usize] {
        &self.counted
    }

    /// Returns the indices of the classes without truth pixels, background apart, ascending.
    pub fn left_out(&self) -> Vec<usize> {
        self.left_out.clone()
    }

    /// Returns the mean pooled Dice of the counted classes, in [0, 1]. `scores` are those of all classes on the data set
    /// that the counted classes were fixed on.
    pub fn value(&self, scores: &[OverlapScores]) -> f64 {
        let dice = |class: &usize| scores.get(*class).and_then(|score| score.dice).unwrap_or(0.0);
        self.counted.iter().map(dice).sum::<f64>() / self.counted.len() as f64
    }

    /// Returns whether a score is better than the best of the earlier epochs.
    pub fn improves(&self, new: f64, best: Option<f64>) -> bool {
        best.is_none_or(|best| new > best)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Overlap;
    use super::*;

    /// The score of a prediction whose truth has background (0), tumor (1) and stroma (2), but no necrosis (3).
    fn score(prediction: &[u8]) -> f64 {
        let metric = ValMetric::new(&[2, 3, 1, 0], Some(0)).unwrap();
        let mut overlap = Overlap::new(4);
        overlap.add(&[0, 0, 1, 1, 1, 2, 255], prediction).unwrap();
        metric.value(&overlap.scores())
    }

    #[test]
    fn a_class_without_truth_pixels_never_changes_the_set_of_counted_classes() {
        let perfect = score(&[0, 0, 1, 1, 1, 2, 0]);
        let falsely_predicted = score(&[0, 3, 1, 1, 1, 2, 3]);
        assert_eq!(perfect, 1.0);
        assert_eq!(falsely_predicted, 1.0, "an absent class was averaged in where it was falsely predicted");
    }

    #[test]
    fn a_counted_class_that_is_never_predicted_scores_zero() {
        assert_eq!(score(&[0, 0, 1, 1, 1, 0, 0]), 0.5);
    }

    #[test]
    fn a_worse_prediction_of_every_present_class_is_a_worse_score() {
        // The average of a changing set of classes ordered these two the other way round.
        let better = score(&[0, 3, 1, 1, 1, 1, 0]);
        let worse = score(&[0, 0, 1, 1, 0, 0, 0]);
        assert!(better > worse, "{better} <= {worse}");
    }

    #[test]
    fn without_a_foreground_class_there_is_no_score() {
        let error = ValMetric::new(&[9, 0, 0], Some(0)).unwrap_err().to_string();
        assert!(error.contains("no class but background"), "{error}");
        assert_eq!(ValMetric::new(&[9, 0], None).unwrap().counted(), [0]);
    }

    #[test]
    fn a_tie_keeps_the_earlier_epoch() {
        let metric = ValMetric::new(&[0, 1], Some(0)).unwrap();
        assert!(metric.improves(0.0, None));
        assert!(metric.improves(0.6, Some(0.5)));
        assert!(!metric.improves(0.5, Some(0.5)));
    }
}
