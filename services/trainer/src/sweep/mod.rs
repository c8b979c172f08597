//! Sweeps: many training runs with values of their own, ranked by an objective.
//!
//! # Layout
//! - [`command`]: a sweep from the command line to its results
//! - [`settings`]: the group `sweep` of the configuration
//! - [`domain`], [`plan`]: values of a key, and the trials of a sweep
//! - [`record`], [`folder`]: `sweep.json` and the folder that it is in; which sweep goes on
//! - [`runner`]: starts, watches and ends trials
//! - [`child`], [`trial`]: a trial's process, seen from the sweep and from itself
//! - [`capacity`], [`memory`], [`gpus`]: how many trials run at a time
//! - [`metrics`], [`median`]: objectives per epoch, and the rule that stops trials by them
//! - [`display`], [`results`], [`report`]: what people see

mod capacity;
mod child;
mod command;
mod display;
mod domain;
mod folder;
mod gpus;
mod median;
mod memory;
mod metrics;
mod plan;
mod record;
mod report;
mod results;
mod runner;
pub(crate) mod settings;
pub(crate) mod trial;

pub(crate) use command::{GROUP, Sweep, runs};
