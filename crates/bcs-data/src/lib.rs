//! BCSS on disk to batches. No libtorch: batches are plain bytes.
//!
//! # Layout
//! - [`index`]: image and mask paired by name
//! - [`label_map`]: which codes of a mask are which class
//! - [`loader`]: batches in the background, in an order that follows from the seed
//! - [`split`]: who trains and who validates: by folder, patient or institute
//! - [`tiles`]: tiles decoded, checked and cached
//! - [`transforms`]: what training does to a tile before the network sees it

mod error;
pub mod index;
pub mod label_map;
pub mod loader;
pub mod split;
pub mod tiles;
pub mod transforms;

pub use error::{Error, Problem};
pub use label_map::LabelMap;
pub use tiles::{Tile, TileSet};
