//! What is in the shards of a data set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label_map::LabelMap;

/// Name of the index beside the shards.
pub const INDEX_FILE: &str = "index.json";

/// Version of the format.
const FORMAT_VERSION: u32 = 1;

/// What is in the shards of a data set; `index.json` beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Version of the format.
    format_version: u32,
    /// Height and width of all tiles in pixels.
    pub size: [usize; 2],
    /// Number of pixels of each mask code.
    pub codes: BTreeMap<u8, u64>,
    /// Shards, in the order of their names.
    pub shards: Vec<Shard>,
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Name of the file.
    pub name: String,
    /// Number of bytes.
    pub bytes: u64,
    /// CRC-32C of the bytes.
    pub crc32c: u32,
    /// Number of tiles.
    pub tiles: usize,
}

impl Index {
    /// Describes shards.
    pub fn new(size: [usize; 2], codes: BTreeMap<u8, u64>, shards: Vec<Shard>) -> Self {
        Self { format_version: FORMAT_VERSION, size, codes, shards }
    }

    /// Reads an index. `location` is that of the shards, for messages.
    ///
    /// # Errors
    /// [`Error::Shards`] if it is damaged, of another version or without tiles.
    pub fn parse(bytes: &[u8], location: &str) -> Result<Self, Error> {
        let error = |reason: String| Error::Shards { location: format!("{location}/{INDEX_FILE}"), reason };
        let index: Self = serde_json::from_slice(bytes).map_err(|reason| error(reason.to_string()))?;
        if index.format_version != FORMAT_VERSION {
            let version = index.format_version;
            return Err(error(format!(
                "has format version {version}; this program reads version {FORMAT_VERSION}"
            )));
        }
        if index.tiles() == 0 {
            return Err(error("has no tiles".to_owned()));
        }
        Ok(index)
    }

    /// Returns the number of pixels of each class of a label map; ignored pixels are not counted.
    ///
    /// # Errors
    /// [`Error::Shards`] if masks have codes that the map does not have.
    pub fn class_pixels(&self, map: &LabelMap) -> Result<Vec<u64>, Error> {
        let mut codes: Vec<u8> = self.codes.keys().copied().collect();
        map.apply(&mut codes)
            .map_err(|codes| Error::Shards { location: INDEX_FILE.to_owned(), reason: map.lacks(&codes) })?;
        let mut pixels = vec![0; map.classes().len()];
        for (class, count) in codes.into_iter().zip(self.codes.values()) {
            if let Some(pixels) = pixels.get_mut(usize::from(class)) {
                *pixels += count;
            }
        }
        Ok(pixels)
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.shards.iter().map(|shard| shard.tiles).sum()
    }

    /// Number of bytes of the largest shard.
    pub fn largest(&self) -> u64 {
        self.shards.iter().map(|shard| shard.bytes).max().unwrap_or_default()
    }
}
