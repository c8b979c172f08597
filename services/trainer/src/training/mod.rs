//! Training runs, from a checked configuration to a model package.

mod checkpoint;
mod dataset;
mod feed;
mod hypertune;
mod initial_weights;
mod keep;
mod learn;
pub(crate) mod preflight;
mod profile;
mod ranks;
mod reference;
mod repository;
mod resume;
mod run;
mod run_file;
mod run_report;
mod scoring;
pub(crate) mod signals;
mod state;
mod step;
mod trace;
mod tracking;
mod twin;
pub(crate) mod validate;
mod writer;

pub(crate) use dataset::pairs;
pub(crate) use run::Run;
pub(crate) use run_file::RunFile;
