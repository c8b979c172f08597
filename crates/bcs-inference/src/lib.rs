//! Inference: engines behind one trait, sliding-window inference over an engine, and a queue in front of it. Engines
//! take and return plain buffers, so that callers do not depend on the library that runs the network.
//!
//! # Layout
//! - [`Engine`]: the trait
//! - [`libtorch`]: model packages, safetensors and TorchScript on libtorch (feature `libtorch`)
//! - [`queue`]: a thread that owns an engine, and a bounded queue of requests
//! - [`segmentation`]: class map, confidence and entropy from logits
//! - [`sliding_window`]: logits of images of any size

mod engine;
mod error;
#[cfg(feature = "libtorch")]
pub mod libtorch;
pub mod queue;
pub mod segmentation;
pub mod sliding_window;

pub use engine::{Engine, ModelInfo};
pub use error::Error;
pub use queue::Inference;
pub use segmentation::Segmentation;
pub use sliding_window::{Logits, SlidingWindow};
