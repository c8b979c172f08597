//! MONAI's networks and losses on libtorch, with the same numbers, and segmentation metrics.
//!
//! # Layout
//! - [`blocks`]: building blocks of networks: convolution, normalization, activation, residual unit
//! - [`device`]: CPU or GPU, chosen at run time
//! - [`embedding`]: a few numbers that say how the network sees an image
//! - [`export`]: networks as programs of other runtimes
//! - [`losses`]: loss functions, by MONAI's names
//! - [`metrics`]: segmentation metrics, and the score that selects a checkpoint
//! - [`nets`]: networks, by MONAI's names
//! - [`optim`]: optimizers, by PyTorch's names
//! - [`package`]: model packages on disk
//! - [`preprocess`]: pixels to the network's input
//! - [`prune`]: removal of channels
//! - [`weights`]: parameters from and to files
//!
//! # Example
//! ```
//! use bcs_model::nets::Network;
//! use tch::{Device, Kind, Tensor};
//!
//! let arguments = serde_json::json!({
//!     "spatial_dims": 2, "in_channels": 3, "out_channels": 2,
//!     "channels": [4, 8, 16], "strides": [2, 2], "num_res_units": 2,
//! });
//! let network = Network::new("UNet", arguments.as_object().unwrap(), Device::Cpu)?;
//! let image = Tensor::rand([1, 3, 32, 32], (Kind::Float, Device::Cpu));
//! assert_eq!(network.forward(&image, false)?.size(), [1, 2, 32, 32]);
//! # Ok::<(), bcs_model::Error>(())
//! ```

mod arguments;
pub mod blocks;
pub mod device;
pub mod embedding;
mod error;
pub mod export;
pub mod losses;
pub mod metrics;
pub mod nets;
pub mod optim;
pub mod package;
pub mod preprocess;
pub mod prune;
pub mod weights;

pub use error::Error;
