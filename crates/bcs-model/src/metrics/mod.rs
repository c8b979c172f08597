//! Segmentation metrics.

mod overlap;
mod val_metric;

pub use overlap::{Overlap, OverlapScores, mean};
pub use val_metric::ValMetric;
