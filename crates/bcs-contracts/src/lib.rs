//! Types and bucket keys that cross a process border.
//!
//! The trainer writes what the predictor reads, and the predictor writes what the drift monitor reads. What they must
//! agree on is defined here once, without I/O.
//!
//! # Layout
//! - [`class`]: a tissue class (code, name, colour), and the index of ignored pixels
//! - [`features`]: the feature vector of an image
//! - [`graph`]: what `model.onnx` says about itself
//! - [`keys`]: object keys in buckets, names of runs and versions
//! - [`origin`]: source (site or scanner) and case (patient or slide) of an image
//! - [`package`]: `metadata.json` of a model package
//! - [`record`]: the stored record of a prediction
//! - [`mod@reference`]: `reference.json`, the drift reference of a model package
//! - [`tile_name`]: institute, patient and resolution in the file name of a TCGA tile

pub mod class;
pub mod features;
pub mod graph;
pub mod keys;
pub mod origin;
pub mod package;
pub mod record;
pub mod reference;
pub mod tile_name;

pub use class::{Color, IGNORE, TissueClass};
pub use features::Features;
pub use package::PackageMetadata;
pub use record::PredictionRecord;
pub use reference::{DriftReference, FeatureTable};
