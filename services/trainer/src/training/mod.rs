//! Training runs, from a checked configuration to a model package.

mod checkpoint;
mod dataset;
mod initial_weights;
mod learn;
mod log;
pub(crate) mod preflight;
mod profile;
mod reference;
mod resume;
mod run;
mod signals;
mod state;
mod step;
mod twin;
pub(crate) mod validate;

pub(crate) use dataset::pairs;
pub(crate) use run::Run;
