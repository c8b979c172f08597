//! Reports as HTML pages without external resources: no script, font or image is loaded.
//!
//! # Layout
//! - [`config`]: the configuration, with values that differ from their defaults marked
//! - [`environment`]: program, machine and source of a run
//! - [`examples`]: best and worst tiles
//! - [`history`]: curves and scores from `metrics.jsonl`
//! - [`page`]: what all pages share
//! - [`run`]: the report of a training run

pub(crate) mod config;
pub(crate) mod environment;
pub(crate) mod examples;
pub(crate) mod history;
pub(crate) mod page;
pub(crate) mod run;
