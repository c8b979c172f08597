//! Networks, by MONAI's names.

mod config;
mod network;
mod registry;
mod unet;

pub use config::{architecture, config_keys};
pub use network::Network;
pub use registry::SegmentationNet;
pub use unet::{UNet, UNetArguments};
