//! Image decoding within limits, overlays, sliding-window geometry, stains and image features. Without
//! libtorch.
//!
//! # Layout
//! - [`colormap`]: colour maps for masks
//! - [`mod@decode`]: decoding of images and masks, within limits
//! - [`mod@dice`]: agreement of two masks
//! - [`encode`]: encoding of images and masks as PNG and JPEG
//! - [`extension`]: file extensions of the supported formats
//! - [`features`]: the image features that drift is measured on
//! - [`mod@legend`]: legend of an overlay
//! - [`macenko`]: stain vectors estimated from an image, and normalization
//! - [`overlay`]: overlay of a mask on its image
//! - [`mod@polygons`]: polygons of the classes of a mask
//! - [`raster`]: an image in memory as a whole or in part
//! - [`stain`]: separation of haematoxylin and eosin
//! - [`text`]: lines of text in images
//! - [`thumbnail`]: small pictures of images and masks
//! - [`windows`]: positions and pixel weights of the sliding window

pub mod colormap;
pub mod decode;
pub mod dice;
pub mod encode;
mod error;
pub mod extension;
pub mod features;
pub mod legend;
pub mod macenko;
pub mod overlay;
pub mod polygons;
pub mod raster;
pub mod stain;
pub mod text;
pub mod thumbnail;
pub mod windows;

pub use decode::{Decoded, Limits, decode, verify};
pub use dice::dice;
pub use error::Error;
pub use extension::{EXTENSIONS, is_image};
pub use polygons::{ClassPolygons, polygons};
pub use raster::Raster;
