//! Tracking of training runs: what a run measures goes to several sinks.
//!
//! A [`Tracker`] passes every [`Entry`] on to its sinks. JSON lines are written at once, as checkpoints copy them; all other
//! sinks are written to on a thread of their own. A sink that fails is turned off with one warning: tracking never ends
//! or slows a run.
//!
//! # Layout
//! - [`console`]: copy of what the program prints
//! - [`entry`]: what is tracked
//! - [`histogram`]: distribution of values
//! - [`jsonl`]: sink of JSON lines
//! - [`location`]: folders of the sinks
//! - [`secrets`]: masking of secrets
//! - [`sink`]: the trait
//! - [`system`]: load of the machine
//! - [`tensorboard`]: sink of TensorBoard event files
//! - [`tracker`]: passes entries on
//! - [`wandb`]: sink of offline runs of Weights & Biases

pub mod console;
pub mod entry;
mod error;
pub mod histogram;
pub mod jsonl;
pub mod location;
pub mod secrets;
pub mod sink;
pub mod system;
pub mod tensorboard;
pub mod tracker;
pub mod wandb;

pub use entry::{Entry, Epoch, Picture, Record, Run, Step};
pub use error::{Error, Result};
pub use histogram::Histogram;
pub use jsonl::Jsonl;
pub use location::Locations;
pub use secrets::Secrets;
pub use sink::{Outcome, Sink};
pub use tracker::Tracker;
