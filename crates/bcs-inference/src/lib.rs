//! Inference: engines behind one trait, sliding-window inference over an engine, and a queue in front of it. Engines
//! take and return plain buffers, so that callers do not depend on the library that runs the network.
//!
//! # Layout
//! - [`Engine`]: the trait
//! - `blend`: weighted average of the logits of overlapping windows
//! - [`libtorch`]: model packages, safetensors and TorchScript on libtorch (feature `libtorch`)
//! - [`Logits`]: network output for an image
//! - [`Padding`]: padding of images smaller than the window
//! - `plan`: where the windows of an image lie, and their pixels
//! - [`queue`]: a thread that owns an engine, and a bounded queue of requests
//! - [`segmentation`]: class map, confidence and entropy from logits
//! - [`sliding_window`]: logits of images of any size
//! - [`TestTimeAugmentation`]: mean over flipped and rotated views
//! - `view`: an image flipped or rotated

mod blend;
mod engine;
mod error;
#[cfg(feature = "libtorch")]
pub mod libtorch;
mod logits;
mod padding;
mod plan;
pub mod queue;
pub mod segmentation;
pub mod sliding_window;
mod test_time_augmentation;
mod view;

pub use engine::{Border, Engine, ModelInfo};
pub use error::Error;
pub use logits::Logits;
pub use padding::Padding;
pub use queue::Inference;
pub use segmentation::Segmentation;
pub use sliding_window::SlidingWindow;
pub use test_time_augmentation::TestTimeAugmentation;
