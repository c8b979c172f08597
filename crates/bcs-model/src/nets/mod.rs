//! Networks, by MONAI's names.

mod attention_unet;
mod basic_unet;
mod basic_unet_plus_plus;
mod checks;
mod config;
mod defaults;
mod network;
mod registry;
mod seg_res_net;
mod unet;

pub use attention_unet::{AttentionUnet, AttentionUnetArguments};
pub use basic_unet::{BasicUNet, BasicUNetArguments};
pub use basic_unet_plus_plus::{BasicUNetPlusPlus, BasicUNetPlusPlusArguments};
pub use config::{architecture, config_keys};
pub use network::Network;
pub use registry::{SegmentationNet, names};
pub use seg_res_net::{SegResNet, SegResNetArguments};
pub use unet::{UNet, UNetArguments};
