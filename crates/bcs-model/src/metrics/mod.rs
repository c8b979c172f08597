//! Segmentation metrics.

mod overlap;
mod val_metric;

pub use overlap::{Overlap, OverlapScores};
pub use val_metric::ValMetric;
