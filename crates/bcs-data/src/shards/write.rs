//! A shard that is being written, in memory.

use std::io;

use serde_json::json;
use tar::{Builder, Header};

/// The encoded file of an image or mask: extension and content.
pub(super) type Encoded = (String, Vec<u8>);

/// A shard that is being written.
pub(super) struct Open {
    tar: Builder<Vec<u8>>,
    /// Number of tiles.
    pub tiles: usize,
}

impl Open {
    pub(super) fn new() -> Self {
        Self { tar: Builder::new(Vec::new()), tiles: 0 }
    }

    /// Number of bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.tar.get_ref().len() as u64
    }

    /// Appends a tile. `key` is the beginning of the names of its files, `name` that of the tile.
    pub(super) fn add(
        &mut self,
        key: &str,
        name: &str,
        (image_extension, image): &Encoded,
        (mask_extension, mask): &Encoded,
    ) -> io::Result<()> {
        self.append(&format!("{key}.image.{image_extension}"), image)?;
        self.append(&format!("{key}.mask.{mask_extension}"), mask)?;
        self.append(&format!("{key}.json"), json!({"name": name}).to_string().as_bytes())?;
        self.tiles += 1;
        Ok(())
    }

    /// Appends a file. Owner and time are left out, so that equal tiles give equal shards.
    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, name, content)
    }

    /// Returns the content of the tar file.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.tar.into_inner()
    }
}
