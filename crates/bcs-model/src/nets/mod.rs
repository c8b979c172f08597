//! Networks, by MONAI's names.

mod attention_unet;
mod checks;
mod config;
mod defaults;
mod network;
mod registry;
mod unet;

pub use attention_unet::{AttentionUnet, AttentionUnetArguments};
pub use config::{architecture, config_keys};
pub use network::Network;
pub use registry::SegmentationNet;
pub use unet::{UNet, UNetArguments};
