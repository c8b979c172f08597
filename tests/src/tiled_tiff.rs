//! Writes TIFF files in tiles, which share their bytes where they are equal: so that a large image is a small file.

/// An RGB TIFF in tiles.
pub struct TiledTiff<'a> {
    /// Width of the image in pixels.
    pub width: u32,
    /// Height of the image in pixels.
    pub height: u32,
    /// Width and height of a tile in pixels, a multiple of 16.
    pub tile: u32,
    /// Number of the compression: 1 for none, 8 for Deflate, 7 for JPEG.
    pub compression: u16,
    /// Bytes of the different tiles.
    pub tiles: &'a [Vec<u8>],
}

impl TiledTiff<'_> {
    /// Returns the file. `tile` returns the position in `tiles` of the tile in a row and column.
    pub fn write(&self, tile: impl Fn(u32, u32) -> usize) -> Vec<u8> {
        let (across, down) = (self.width.div_ceil(self.tile), self.height.div_ceil(self.tile));
        let mut bytes = b"II*\0\0\0\0\0".to_vec();
        let mut places = Vec::new();
        for tile in self.tiles {
            places.push((position(&bytes), u32::try_from(tile.len()).expect("a tile is small")));
            bytes.extend_from_slice(tile);
        }
        let order: Vec<usize> =
            (0..down).flat_map(|y| (0..across).map(move |x| (y, x))).map(|(y, x)| tile(y, x)).collect();
        let offsets = position(&bytes);
        order.iter().for_each(|at| bytes.extend_from_slice(&places[*at].0.to_le_bytes()));
        let lengths = position(&bytes);
        order.iter().for_each(|at| bytes.extend_from_slice(&places[*at].1.to_le_bytes()));
        let depths = position(&bytes);
        bytes.extend_from_slice(&[8, 0, 8, 0, 8, 0]);
        let directory = position(&bytes);
        bytes[4..8].copy_from_slice(&directory.to_le_bytes());
        let count = across * down;
        let single = |value: u32, place: u32| if count == 1 { value } else { place };
        bytes.extend_from_slice(&tiff_directory(&[
            (256, 4, 1, self.width),
            (257, 4, 1, self.height),
            (258, 3, 3, depths),
            (259, 3, 1, self.compression.into()),
            (262, 3, 1, if self.compression == 7 { 6 } else { 2 }),
            (277, 3, 1, 3),
            (284, 3, 1, 1),
            (322, 4, 1, self.tile),
            (323, 4, 1, self.tile),
            (324, 4, count, single(places[order[0]].0, offsets)),
            (325, 4, count, single(places[order[0]].1, lengths)),
        ]));
        bytes
    }
}

/// A tag of a TIFF: number, type (3 is 16 bits, 4 is 32 bits, 1 is bytes), count, and value or place.
pub type TiffTag = (u16, u16, u32, u32);

/// Returns the little-endian directory of these tags, which is the only one of its file.
pub fn tiff_directory(tags: &[TiffTag]) -> Vec<u8> {
    let mut bytes = u16::try_from(tags.len()).expect("there are few tags").to_le_bytes().to_vec();
    for (tag, kind, count, value) in tags {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

fn position(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("the file is small")
}
