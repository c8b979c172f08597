//! Training runs, from a checked configuration to a model package.

mod checkpoint;
mod dataset;
mod initial_weights;
pub(crate) mod preflight;
mod profile;
mod reference;
mod run;
mod schedule;
mod step;
pub(crate) mod validate;

pub(crate) use run::Run;
