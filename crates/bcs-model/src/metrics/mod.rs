//! What a segmentation is judged by.

mod overlap;

pub use overlap::{Overlap, OverlapScores, mean};
