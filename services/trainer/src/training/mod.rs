//! Training runs, from a checked configuration to a model package.

mod checkpoint;
mod dataset;
mod hypertune;
mod initial_weights;
mod learn;
pub(crate) mod preflight;
mod profile;
mod reference;
mod repository;
mod resume;
mod run;
mod run_file;
mod run_report;
pub(crate) mod signals;
mod state;
mod step;
mod trace;
mod tracking;
mod twin;
pub(crate) mod validate;

pub(crate) use dataset::pairs;
pub(crate) use run::Run;
pub(crate) use run_file::RunFile;
