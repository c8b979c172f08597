//! A training run: from a checked configuration to a model package.

mod checkpoint;
mod dataset;
mod epoch;
mod profile;
mod reference;
mod run;
mod schedule;
pub(crate) mod validate;

pub(crate) use run::run;
