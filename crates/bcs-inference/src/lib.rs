//! Engines behind one trait, the sliding window over them, and the queue in front of them. Engines take and give
//! plain buffers, so whoever calls them need not know which library runs the network.
//!
//! # Layout
//! - [`Engine`]: the trait
//! - [`libtorch`]: packages, safetensors and TorchScript by libtorch (feature `libtorch`)
//! - [`queue`]: a thread that owns an engine, and a bounded queue to it
//! - [`segmentation`]: logits to classes, with how sure the network is
//! - [`sliding_window`]: images of any size through windows of one

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
