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
//! Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.
//!
//! # Layout
//! - [`areas`]: areas of a class, and Dice
//! - [`calibration`]: correction of expected areas by labelled images
//! - [`estimates`]: Dice of each class over a window, estimated and measured
//! - [`interval`]: Dice of many cases with an interval
//! - [`mod@to_label`]: choice of the images to label

pub mod areas;
pub mod calibration;
pub mod estimates;
pub mod interval;
pub mod to_label;

pub use areas::Areas;
pub use calibration::Calibration;
pub use estimates::{ClassQuality, Estimates, Trust, WindowQuality};
pub use interval::{CaseAreas, Quality};
pub use to_label::{Candidate, to_label};
