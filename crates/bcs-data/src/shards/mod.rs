//! Tiles in tar files (shards), as WebDataset has them: a tile is a run of files of one key, `KEY.image.png`,
//! `KEY.mask.png` and `KEY.json` with its name. Shards are read one after the other, so that they stream from a bucket.
//!
//! # Layout
//! - [`index`]: what is in the shards of a data set
//! - [`pack`]: shards from files
//! - [`plan`]: which process reads what in an epoch, and in which order
//! - [`read`]: tiles of a shard
//! - `sequencer`: the encoded tiles of batches
//! - [`stream`]: training batches from shards
//! - `write`: a shard that is being written

pub mod index;
pub mod pack;
pub mod plan;
pub mod read;
mod sequencer;
pub mod stream;
mod write;

pub use index::Index;
pub use stream::Stream;

#[cfg(test)]
mod tests;
