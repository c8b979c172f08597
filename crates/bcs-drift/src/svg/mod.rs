//! Plots of the HTML page.
//!
//! # Layout
//! - `distribution`: both distributions of a feature over one axis
//! - `forest`: effects with intervals
//! - `trend`: effects over time
//! - `unit`: scores in [0, 1]

mod distribution;
mod forest;
mod trend;
mod unit;

pub(crate) use distribution::distribution;
pub(crate) use forest::{Scale, axis, forest};
pub(crate) use trend::trend;
pub(crate) use unit::unit;
