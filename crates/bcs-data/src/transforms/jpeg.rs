//! Artefacts of JPEG compression.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, interval};
use crate::error::Error;
use crate::tiles::Tile;

/// Compression as JPEG and decompression, as albumentations' `ImageCompression`. Tiles wider or higher than JPEG's 65535 pixels
/// are left unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jpeg {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Range of the quality. In [1, 100].
    pub quality_range: [u8; 2],
}

impl Default for Jpeg {
    fn default() -> Self {
        Self { prob: 0.0, quality_range: [100, 100] }
    }
}

impl Check for Jpeg {
    fn check(&self, name: &str) -> Result<(), Error> {
        interval(name, "quality_range", self.quality_range.map(f64::from), 1.0..=100.0)
    }
}

impl Transform for Jpeg {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let [low, high] = self.quality_range;
        let quality = random.random_range(low..=high.max(low));
        if let Some(pixels) = compressed(tile, quality).filter(|pixels| pixels.len() == tile.pixels.len()) {
            tile.pixels = pixels;
        }
    }
}

fn compressed(tile: &Tile, quality: u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(tile.pixels.len() / 4);
    let [width, height] = [tile.width, tile.height].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(&tile.pixels, width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).ok()?.into_rgb8().into_raw())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::transforms::tests::golden::Golden;

    /// Mean absolute difference from the tile.
    fn difference(quality: u8) -> f64 {
        let original = Golden::read().tile();
        let mut tile = original.clone();
        let jpeg = Jpeg { prob: 1.0, quality_range: [quality, quality] };
        jpeg.apply(&mut tile, &mut ChaCha8Rng::seed_from_u64(0));
        assert_eq!(tile.classes, original.classes);
        let differences = tile.pixels.iter().zip(&original.pixels).map(|(a, b)| f64::from(a.abs_diff(*b)));
        differences.sum::<f64>() / tile.pixels.len() as f64
    }

    #[test]
    fn the_lower_the_quality_the_more_is_lost() {
        let [fine, middle, coarse] = [98, 60, 10].map(difference);
        assert!(fine > 0.0 && fine < middle && middle < coarse, "{fine} {middle} {coarse}");
        assert!(coarse < 60.0, "another image, not a compressed one: {coarse}");
    }
}
