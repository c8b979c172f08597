//! Networks, by MONAI's names.

mod activations;
mod attention_unet;
mod basic_unet;
mod basic_unet_plus_plus;
mod checks;
mod config;
mod defaults;
mod dyn_unet;
mod encoders;
mod flexible_unet;
mod network;
mod registry;
mod seg_res_net;
mod shapes;
mod summary;
mod unet;

pub use activations::Activations;
pub use attention_unet::{AttentionUnet, AttentionUnetArguments};
pub use basic_unet::{BasicUNet, BasicUNetArguments};
pub use basic_unet_plus_plus::{BasicUNetPlusPlus, BasicUNetPlusPlusArguments};
pub use config::{architecture, config_keys};
pub use dyn_unet::{DynUNet, DynUNetArguments};
pub use flexible_unet::{FlexibleUNet, FlexibleUNetArguments, PreConv};
pub use network::Network;
pub use registry::{SegmentationNet, names};
pub use seg_res_net::{SegResNet, SegResNetArguments};
pub use shapes::Shapes;
pub use summary::{LayerSummary, Summary};
pub use unet::{UNet, UNetArguments};
