//! From BCSS tiles on disk to batches in memory. No libtorch: batches are plain bytes.
//!
//! # Layout
//! - [`index`]: image files and the masks of the same names
//! - [`label_map`]: which mask codes belong to which class
//! - [`loader`]: training batches, in an order that follows from the seed
//! - [`mask`]: decoding of masks
//! - [`prefetch`]: items made ahead of their use, on background threads
//! - [`shards`]: tiles in tar files, which stream from a bucket
//! - [`split`]: train/validation split by folder, patient or institute
//! - [`tiles`]: tiles, decoded, checked and cached
//! - [`transforms`]: augmentation of training tiles

mod error;
pub mod index;
pub mod label_map;
pub mod loader;
pub mod mask;
pub mod prefetch;
pub mod shards;
pub mod split;
pub mod tiles;
pub mod transforms;

pub use error::{Error, Problem};
pub use label_map::LabelMap;
pub use tiles::{Tile, TileSet};
