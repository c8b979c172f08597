//! MONAI's metrics of a model on a data set.
//!
//! # Layout
//! - [`figures`]: the metrics as JSON, by MONAI's names
//! - [`scores`]: the metrics as a table, per class
//! - [`surface`]: metrics of the boundaries

mod figures;
mod scores;
mod surface;

use bcs_model::metrics::{
    ConfusionMatrixMetric, DiceMetric, GeneralizedDiceOptions, GeneralizedDiceScore, MeanIoU, OverlapOptions,
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
        self.surface.add(truth, prediction, size)
    }
}

#[cfg(test)]
mod tests;
