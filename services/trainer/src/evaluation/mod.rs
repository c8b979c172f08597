//! MONAI's metrics of a model on a data set, confidence intervals by patient, and comparisons of two models.
//!
//! # Layout
//! - [`cases`]: images by patient
//! - [`comparison`]: differences between two models, with paired tests
//! - [`csv_file`]: the scores of each image and class as CSV
//! - [`estimates`]: scores with confidence intervals
//! - [`figures`]: the metrics as JSON, by MONAI's names
//! - [`page`]: the report
//! - [`results`]: files, report and what is printed
//! - [`rows`]: scores of one image and class
//! - [`scores`]: the metrics as a table, per class
//! - [`sums`]: sums from which the scores of any set of images follow
//! - [`surface`]: metrics of the boundaries

pub(crate) mod cases;
pub(crate) mod comparison;
pub(crate) mod csv_file;
pub(crate) mod estimates;
mod figures;
pub(crate) mod page;
pub(crate) mod results;
pub(crate) mod rows;
mod scores;
pub(crate) mod sums;
mod surface;

use bcs_model::metrics::{
    ConfusionMatrix, ConfusionMatrixMetric, DiceMetric, GeneralizedDiceOptions, GeneralizedDiceScore,
    MeanIoU, OverlapOptions,
};

use self::surface::Surface;
use crate::error::Result;

/// MONAI's metrics of a model on a data set, background included.
pub(crate) struct Evaluation {
    classes: Vec<String>,
    dice: DiceMetric,
    iou: MeanIoU,
    confusion: ConfusionMatrixMetric,
    generalized: GeneralizedDiceScore,
    surface: Surface,
    /// Confusion matrix of each image.
    matrices: Vec<ConfusionMatrix>,
}

impl Evaluation {
    /// Creates the metrics for these classes. `tolerance` of the surface Dice is in pixels, `mpp` in µm/px where known.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] for fewer than 2 or more than 255 classes, and for a negative tolerance.
    pub(crate) fn new(classes: Vec<String>, tolerance: f64, mpp: Option<f64>) -> Result<Self> {
        let count = classes.len();
        Ok(Self {
            dice: DiceMetric::new(count, OverlapOptions::default())?,
            iou: MeanIoU::new(count, OverlapOptions::default())?,
            confusion: ConfusionMatrixMetric::new(count, true)?,
            generalized: GeneralizedDiceScore::new(count, GeneralizedDiceOptions::default())?,
            surface: Surface::new(count, tolerance, mpp)?,
            matrices: Vec::new(),
            classes,
        })
    }

    /// Adds an image of `[height, width]`: the class indices of truth and prediction.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] if a mask does not have this size.
    pub(crate) fn add(&mut self, truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Result<()> {
        self.dice.add(truth, prediction)?;
        self.iou.add(truth, prediction)?;
        self.confusion.add(truth, prediction)?;
        self.generalized.add(truth, prediction)?;
        let mut matrix = ConfusionMatrix::new(self.classes.len())?;
        matrix.add(truth, prediction)?;
        self.matrices.push(matrix);
        self.surface.add(truth, prediction, size)
    }

    /// Distance in pixels within which boundaries count as equal.
    pub(crate) fn tolerance(&self) -> f64 {
        self.surface.tolerance
    }

    /// Confusion matrix of the image that was added last.
    pub(crate) fn last_matrix(&self) -> Option<&ConfusionMatrix> {
        self.matrices.last()
    }

    /// Returns the confusion matrix over all images: predictions by class of the truth.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`].
    pub(crate) fn confusion(&self) -> Result<ConfusionMatrix> {
        let mut sum = ConfusionMatrix::new(self.classes.len())?;
        for matrix in &self.matrices {
            sum += matrix;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests;
