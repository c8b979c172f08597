//! Quality of segmentations: Dice estimated without labels, Dice measured with them, and the images whose labels would tell
//! most.
//!
//! Without labels, the areas of [`Areas`] are expected values: if the probabilities of a class are calibrated, their sum over the
//! pixels predicted as the class is the expected area where the prediction is right, and their sum over all pixels the expected
//! true area. With a mask, they are counts. One formula gives the Dice coefficient of both.
//!
//! # Where the estimate fails
//! It knows what the network knows. On tissue that the network has not seen it can be wrong and sure: on a patient held out of the
//! training, Dice fell from 0.83 to 0.61 while the mean confidence stayed (0.762 and 0.759). No function of the probabilities sees
//! that. [`Calibration`] corrects over-confidence on images like those it was fitted to, and on no others. So the estimate is a
//! lower bound of the doubt, not an upper one: a fall is news, and a steady value is none. Labels of a few images
//! ([`to_label()`]) decide.
//!
//! Sources: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017; D. Guillory,
//! V. Shankar, S. Ebrahimi, T. Darrell and L. Schmidt, "Predicting with confidence on unseen distributions", ICCV 2021.
//!
//! # Layout
//! - [`areas`]: areas of a class, and Dice
//! - [`calibration`]: correction of expected areas by labelled images
//! - [`interval`]: Dice of many cases with an interval
//! - [`mod@to_label`]: choice of the images to label

pub mod areas;
pub mod calibration;
pub mod interval;
pub mod to_label;

pub use areas::Areas;
pub use calibration::Calibration;
pub use interval::{Quality, quality};
pub use to_label::{Candidate, to_label};

/// Estimates Dice from mean confidences alone, where records have no areas: Dice on the validation images less the fall of the
/// confidence since (difference of confidences, Guillory et al., 2021). In [0, 1].
pub fn by_confidence(validation_dice: f64, validation_confidence: f64, confidence: f64) -> f64 {
    (validation_dice - (validation_confidence - confidence)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_falls_with_the_confidence_and_not_without() {
        assert!((by_confidence(0.83, 0.762, 0.662) - 0.73).abs() < 1e-12);
        // An unseen patient: Dice was 0.61.
        assert!(by_confidence(0.83, 0.762, 0.759) > 0.82);
        assert_eq!(by_confidence(0.1, 0.9, 0.3), 0.0);
    }
}
