//! Confusion counts of class masks, which all metrics but the surface metrics are computed from.

use std::ops::{AddAssign, Range};

use bcs_contracts::IGNORE;

use super::reduction::Table;
use crate::error::{Error, argument};

/// Confusion counts of one class against all others, in pixels. Ignored pixels are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    pub(super) true_positives: u64,
    pub(super) false_positives: u64,
    pub(super) true_negatives: u64,
    pub(super) false_negatives: u64,
}

/// Confusion counts of a data set, by image and class.
#[derive(Debug, Clone)]
pub(super) struct ConfusionTable {
    classes: Range<usize>,
    counts: Vec<Confusion>,
}

impl Confusion {
    /// Returns the counts of true and false positives and of true and false negatives.
    pub(super) fn counts(self) -> [u64; 4] {
        [self.true_positives, self.false_positives, self.true_negatives, self.false_negatives]
    }

    /// As [`counts`](Self::counts) returns them.
    pub(super) fn of([true_positives, false_positives, true_negatives, false_negatives]: [u64; 4]) -> Self {
        Self { true_positives, false_positives, true_negatives, false_negatives }
    }

    /// Returns the number of pixels of the class in the truth.
    pub(super) fn truth(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Returns the number of pixels of the class in the prediction.
    pub(super) fn prediction(self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// Returns the Dice score; `None` if neither truth nor prediction has the class.
    pub(super) fn dice(self) -> Option<f64> {
        let total = self.truth() + self.prediction();
        (total > 0).then(|| 2.0 * self.true_positives as f64 / total as f64)
    }

    /// Returns the intersection over union; `None` if neither truth nor prediction has the class.
    pub(super) fn iou(self) -> Option<f64> {
        let union = self.truth() + self.false_positives;
        (union > 0).then(|| self.true_positives as f64 / union as f64)
    }
}

impl AddAssign for Confusion {
    fn add_assign(&mut self, other: Self) {
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.true_negatives += other.true_negatives;
        self.false_negatives += other.false_negatives;
    }
}

impl ConfusionTable {
    /// Creates a table without images.
    ///
    /// # Errors
    /// [`Error::Argument`] for a number of classes that byte masks can't have.
    pub(super) fn new(classes: usize, include_background: bool) -> Result<Self, Error> {
        Ok(Self { classes: counted_classes(classes, include_background)?, counts: Vec::new() })
    }

    /// Counts the pixels of an image.
    ///
    /// # Errors
    /// [`Error::Argument`] if the masks differ in length.
    pub(super) fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        let counts = confusions(truth, prediction, self.classes.end)?;
        self.counts.extend_from_slice(&counts[self.classes.clone()]);
        Ok(())
    }

    /// Removes all images.
    pub(super) fn reset(&mut self) {
        self.counts.clear();
    }

    /// Returns the number of classes with counts.
    pub(super) fn columns(&self) -> usize {
        self.classes.len()
    }

    /// Returns the counts of each image: one entry per class.
    pub(super) fn images(&self) -> impl Iterator<Item = &[Confusion]> {
        self.counts.chunks_exact(self.classes.len())
    }

    /// Returns the counts of each class over all images.
    pub(super) fn pooled(&self) -> Vec<Confusion> {
        let mut pooled = vec![Confusion::default(); self.classes.len()];
        for image in self.images() {
            for (sum, counts) in pooled.iter_mut().zip(image) {
                *sum += *counts;
            }
        }
        pooled
    }

    /// Returns the value of each image and class.
    pub(super) fn table(&self, value: impl Fn(Confusion) -> f64) -> Table {
        let mut table = Table::new(self.classes.len());
        for image in self.images() {
            table.push(image.iter().map(|counts| value(*counts)));
        }
        table
    }
}

/// Returns the classes that a metric is computed for.
///
/// # Errors
/// [`Error::Argument`] for fewer than two classes, and for more than a byte has codes beside [`IGNORE`].
pub(super) fn counted_classes(classes: usize, include_background: bool) -> Result<Range<usize>, Error> {
    if !(2..=usize::from(IGNORE)).contains(&classes) {
        return Err(argument("classes", format!("is {classes}; it must be in [2, {IGNORE}]")));
    }
    Ok(usize::from(!include_background)..classes)
}

/// Returns the confusion counts of each class of an image. Pixels whose truth is not a class are ignored. At most
/// [`IGNORE`] classes have counts.
///
/// # Errors
/// [`Error::Argument`] if the masks differ in length.
pub(super) fn confusions(truth: &[u8], prediction: &[u8], classes: usize) -> Result<Vec<Confusion>, Error> {
    check_lengths(truth, prediction)?;
    // A table over all pairs of bytes needs no branch per pixel.
    let mut pairs = vec![0u64; 256 * 256];
    for (truth, prediction) in truth.iter().zip(prediction) {
        pairs[usize::from(*truth) << 8 | usize::from(*prediction)] += 1;
    }
    let classes = classes.min(usize::from(IGNORE));
    let valid: u64 = pairs[..classes << 8].iter().sum();
    let of_class = |class: usize| {
        let truth: u64 = pairs[class << 8..(class + 1) << 8].iter().sum();
        let prediction: u64 = (0..classes).map(|truth| pairs[truth << 8 | class]).sum();
        let true_positives = pairs[class << 8 | class];
        Confusion {
            true_positives,
            false_positives: prediction - true_positives,
            true_negatives: valid + true_positives - truth - prediction,
            false_negatives: truth - true_positives,
        }
    };
    Ok((0..classes).map(of_class).collect())
}

/// Checks that the masks have the same number of pixels.
pub(super) fn check_lengths(truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
    if truth.len() == prediction.len() {
        return Ok(());
    }
    let reason = format!("has {} pixels, but the truth has {}", prediction.len(), truth.len());
    Err(argument("the prediction", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_equal_those_made_by_hand() {
        // The last two pixels are ignored; the prediction of the fourth is not a class.
        let counts = confusions(&[0, 0, 1, 1, 255, 7], &[0, 1, 1, 9, 1, 0], 2).unwrap();
        let [background, tumor] = counts[..] else { panic!("two classes") };
        let quadruple = |counts: Confusion| {
            let Confusion { true_positives, false_positives, true_negatives, false_negatives } = counts;
            [true_positives, false_positives, true_negatives, false_negatives]
        };
        assert_eq!(quadruple(background), [1, 0, 2, 1]);
        assert_eq!(quadruple(tumor), [1, 1, 1, 1]);
    }

    #[test]
    fn a_byte_has_no_code_for_more_than_255_classes() {
        assert_eq!(counted_classes(255, false).unwrap(), 1..255);
        for classes in [0, 1, 256] {
            let error = counted_classes(classes, true).unwrap_err().to_string();
            assert_eq!(error, format!("classes is {classes}; it must be in [2, 255]"));
        }
    }
}
