//! Inference: engines behind one trait, sliding-window inference over an engine, and a scheduler in front of it. Engines
//! take and return plain buffers, so that callers do not depend on the library that runs the network.
//!
//! # Layout
//! - [`Engine`]: the trait
//! - [`model`]: an opened model, from which engines are made; [`open`] chooses among the engines that were built in
//! - `fake`: an engine without a library, for tests (feature `fake`)
//! - `libtorch`: model packages, safetensors and TorchScript (feature `libtorch`)
//! - [`scheduler`]: inference for many clients at once
//! - [`segmentation`]: class map, confidence and entropy from logits
//! - [`sliding_window`]: logits of images of any size

mod engine;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
#[cfg(feature = "libtorch")]
pub mod libtorch;
pub mod model;
pub mod scheduler;
pub mod segmentation;
pub mod sliding_window;
mod strips;

pub use engine::{Engine, ModelInfo};
pub use error::Error;
pub use model::{Model, open};
pub use scheduler::Inference;
pub use segmentation::Segmentation;
pub use sliding_window::{Logits, SlidingWindow};
