//! Forms of a prediction other than mask and overlay.
//!
//! # Layout
//! - [`geojson`]: polygons of the classes, for QuPath and other programs
//! - [`probabilities`]: probabilities of the classes at every pixel

pub mod geojson;
pub mod probabilities;
