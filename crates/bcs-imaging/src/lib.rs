//! Bytes to RGB and back: decoding within limits, overlays, the sliding window's geometry, and the features by
//! which drift is seen. Functions of their arguments; no I/O and no libtorch.
//!
//! # Layout
//! - [`colormap`]: colour maps for masks
//! - [`decode`]: an uploaded file to RGB, within limits
//! - [`encode`]: RGB and masks to PNG and JPEG
//! - [`features`]: what is measured of every image, for training and serving alike
//! - [`overlay`]: a mask laid over its image
//! - [`stain`]: haematoxylin and eosin, told apart
//! - [`windows`]: where a sliding window stops, and how much each of its pixels counts

pub mod colormap;
pub mod decode;
pub mod encode;
mod error;
pub mod features;
pub mod overlay;
pub mod stain;
pub mod windows;

pub use decode::{Decoded, Limits, decode};
pub use error::Error;
