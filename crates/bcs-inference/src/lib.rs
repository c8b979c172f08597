//! Inference: engines behind one trait, sliding-window inference over an engine, and a scheduler in front of it. Engines
//! take and return plain buffers, so that callers do not depend on the library that runs the network.
//!
//! # Layout
//! - [`Engine`]: the trait
//! - `boundary`: length of the borders between predicted classes
//! - [`model`]: an opened model, from which engines are made; [`open`] chooses among the engines that were built in
//! - [`Options`]: which engine opens a model, and how
//! - `choice`: choice of the engine by measurement
//! - `embedding`: mean over windows
//! - `fake`: an engine without a library, for tests (feature `fake`)
//! - `libtorch`: model packages, safetensors and TorchScript (feature `libtorch`)
//! - `openvino`: model packages with an ONNX graph, and ONNX files (feature `openvino`)
//! - [`Logits`]: network output for an image
//! - [`Padding`]: padding of images smaller than the window
//! - `plan`: where the windows of an image lie, and their pixels
//! - `remembered`: choice of the engine that was kept
//! - [`scheduler`]: inference for many clients at once
//! - [`segmentation`]: class map, confidence and entropy from logits
//! - [`sliding_window`]: logits of images of any size
//! - `softmax`: softmax of a row of pixels
//! - `strips`: weighted average of the logits of overlapping windows, which keeps only the rows that are not final
//! - [`TestTimeAugmentation`]: mean over flipped and rotated views
//! - `view`: an image flipped or rotated

mod boundary;
mod choice;
mod embedding;
mod engine;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
#[cfg(feature = "libtorch")]
pub mod libtorch;
mod logits;
pub mod model;
#[cfg(feature = "openvino")]
mod openvino;
mod options;
mod padding;
mod plan;
mod remembered;
pub mod scheduler;
pub mod segmentation;
pub mod sliding_window;
mod softmax;
mod strips;
mod test_time_augmentation;
mod view;

pub use engine::{Border, Engine, ModelInfo};
pub use error::Error;
pub use logits::Logits;
pub use model::{Model, open};
#[cfg(feature = "openvino")]
pub use openvino::{GraphOutputs, has_int8, open_graph};
pub use options::{EngineKind, Options, Precision};
pub use padding::Padding;
pub use scheduler::Inference;
pub use segmentation::{ExpectedArea, Segmentation};
pub use sliding_window::SlidingWindow;
pub use test_time_augmentation::TestTimeAugmentation;
