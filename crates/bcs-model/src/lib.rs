//! The science on tensors: MONAI's networks and losses on libtorch, number for number, and the metrics they are
//! judged by.
//!
//! # Layout
//! - [`blocks`]: what networks are built of: convolutions, normalisation, activation, residual units
//! - [`device`]: CPU or GPU, found at run time
//! - [`losses`]: what training minimises
//! - [`metrics`]: what a segmentation is judged by
//! - [`nets`]: the networks, by MONAI's names
//! - [`package`]: a model package on disk, verified
//! - [`preprocess`]: pixels to the network's input, one function for training and serving
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
mod error;
pub mod losses;
pub mod metrics;
pub mod nets;
pub mod package;
pub mod preprocess;
pub mod weights;

pub use error::Error;
