//! Types and bucket keys that cross a process border. The trainer writes what the predictor reads, the
//! predictor writes what the drift monitor reads; what they must agree on stands here, once, without logic
//! or I/O.
//!
//! # Layout
//! - [`class`]: a tissue class: code, name and colour
//! - [`features`]: the feature vector of one image, and the names in it
//! - [`keys`]: where things lie in a bucket, and how runs are named
//! - [`package`]: `metadata.json` of a model package
//! - [`record`]: what the predictor stores of each prediction
//! - [`reference`]: `reference.json` of a model package, which drift is measured against

pub mod class;
pub mod features;
pub mod keys;
pub mod package;
pub mod record;
pub mod reference;

pub use class::{Color, TissueClass};
pub use features::Features;
pub use package::PackageMetadata;
pub use record::PredictionRecord;
pub use reference::DriftReference;
