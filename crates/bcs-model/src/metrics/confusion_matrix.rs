//! Confusion matrix of class masks.

use std::ops::AddAssign;

use super::confusion::{check_lengths, counted_classes};
use crate::error::Error;

/// Number of pixels by class in truth (row) and prediction (column). Ignored pixels, whose truth is not a class, are not
/// counted.
///
/// ```
/// use bcs_model::metrics::ConfusionMatrix;
///
/// let mut matrix = ConfusionMatrix::new(2)?;
/// matrix.add(&[0, 1, 1, 255], &[0, 0, 1, 1])?;
/// assert_eq!(matrix.rows().collect::<Vec<_>>(), [[1, 0], [1, 1]]);
/// assert_eq!((matrix.true_positives(1), matrix.truth(1), matrix.prediction(1)), (1, 2, 1));
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// Creates a matrix without pixels.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255].
    pub fn new(classes: usize) -> Result<Self, Error> {
        counted_classes(classes, true)?;
        Ok(Self { classes, counts: vec![0; classes * classes] })
    }

    /// Counts the pixels of an image. A prediction that is not a class is not counted either.
    ///
    /// # Errors
    /// [`Error::Argument`] if the masks differ in length.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        check_lengths(truth, prediction)?;
        for (truth, prediction) in truth.iter().zip(prediction) {
            let (truth, prediction) = (usize::from(*truth), usize::from(*prediction));
            if truth < self.classes && prediction < self.classes {
                self.counts[truth * self.classes + prediction] += 1;
            }
        }
        Ok(())
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the predictions of each class of the truth.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes)
    }

    /// Returns the number of pixels of a class in truth and prediction.
    pub fn true_positives(&self, class: usize) -> u64 {
        self.counts[class * self.classes + class]
    }

    /// Returns the number of pixels of a class in the truth.
    pub fn truth(&self, class: usize) -> u64 {
        self.counts[class * self.classes..(class + 1) * self.classes].iter().sum()
    }

    /// Returns the number of pixels of a class in the prediction.
    pub fn prediction(&self, class: usize) -> u64 {
        self.counts.iter().skip(class).step_by(self.classes).sum()
    }
}

impl AddAssign<&ConfusionMatrix> for ConfusionMatrix {
    /// Adds the pixels of a matrix of as many classes.
    fn add_assign(&mut self, other: &ConfusionMatrix) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_add_up() {
        let mut sum = ConfusionMatrix::new(3).unwrap();
        let mut image = ConfusionMatrix::new(3).unwrap();
        image.add(&[0, 1, 2, 2, 255], &[0, 2, 2, 1, 1]).unwrap();
        sum += &image;
        sum += &image;
        assert_eq!(sum.rows().collect::<Vec<_>>(), [[2, 0, 0], [0, 0, 2], [0, 2, 2]]);
    }

    #[test]
    fn masks_of_another_size_are_an_error() {
        assert!(ConfusionMatrix::new(2).unwrap().add(&[0], &[0, 0]).is_err());
        assert!(ConfusionMatrix::new(1).is_err());
    }
}
