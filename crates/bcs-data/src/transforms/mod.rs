//! Augmentation of training tiles. Every random choice is a function of (seed, epoch, index) alone. Geometric
//! transforms apply to image and mask alike, colour transforms to the image only.

mod colour_jitter;
mod flip;
mod rot90;
mod stain_jitter;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::tiles::Tile;

/// Augmentation of training tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Whether tiles are flipped left to right, with probability 1/2.
    pub flip: bool,
    /// Whether tiles are rotated by a random multiple of 90°.
    pub rot90: bool,
    /// Colour jitter: each channel is multiplied by a factor in 1 ± this. In [0, 1].
    pub colour_scale: f64,
    /// Colour jitter: an offset of up to ± this fraction of the range is added to each channel. In [0, 1].
    pub colour_shift: f64,
    /// Stain jitter: the amounts of haematoxylin and eosin are multiplied by factors in 1 ± this. In [0, 1].
    pub stain_scale: f64,
    /// Stain jitter: up to ± this optical density of haematoxylin and eosin is added where there is tissue. In [0, 1].
    pub stain_shift: f64,
}

impl Augmentation {
    /// Returns the augmentation that changes nothing.
    pub fn none() -> Self {
        Self {
            flip: false,
            rot90: false,
            colour_scale: 0.0,
            colour_shift: 0.0,
            stain_scale: 0.0,
            stain_shift: 0.0,
        }
    }

    /// Augments a tile in place; `seed`, `epoch` and `index` (of the tile) determine the random choices.
    pub fn apply(&self, tile: &mut Tile, seed: u64, epoch: u64, index: u64) {
        let mut random = generator(seed, epoch, index);
        if self.flip && random.random::<bool>() {
            flip::flip(tile);
        }
        if self.rot90 {
            rot90::rot90(tile, random.random_range(0..4));
        }
        if self.stain_scale > 0.0 || self.stain_shift > 0.0 {
            stain_jitter::stain_jitter(&mut tile.pixels, self.stain_scale, self.stain_shift, &mut random);
        }
        if self.colour_scale > 0.0 || self.colour_shift > 0.0 {
            colour_jitter::colour_jitter(&mut tile.pixels, self.colour_scale, self.colour_shift, &mut random);
        }
    }
}

/// Random generator of one tile in one epoch. Its seed holds all 192 bits, so that no two tiles share a stream.
fn generator(seed: u64, epoch: u64, index: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    for (chunk, value) in bytes.chunks_exact_mut(8).zip([seed, epoch, index, 0x6175_676d_656e_7400]) {
        chunk.copy_from_slice(&value.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile() -> Tile {
        let (width, height) = (16, 16);
        let pixels = (0..width * height * 3).map(|at| (at * 7 % 251) as u8).collect();
        let classes = (0..width * height).map(|at| (at % 5) as u8).collect();
        Tile { width, height, pixels, classes }
    }

    #[test]
    fn the_same_seed_epoch_and_index_give_the_same_tile() {
        let all = Augmentation {
            flip: true,
            rot90: true,
            colour_scale: 0.3,
            colour_shift: 0.15,
            stain_scale: 0.6,
            stain_shift: 0.15,
        };
        let apply = |seed, epoch, index| {
            let mut tile = tile();
            all.apply(&mut tile, seed, epoch, index);
            tile
        };
        assert_eq!(apply(1, 2, 3), apply(1, 2, 3));
        assert_ne!(apply(1, 2, 3), apply(1, 3, 2));
        assert_ne!(apply(1, 2, 3), apply(2, 2, 3));
    }

    #[test]
    fn none_changes_nothing() {
        let mut changed = tile();
        Augmentation::none().apply(&mut changed, 1, 2, 3);
        assert_eq!(changed, tile());
    }

    #[test]
    fn image_and_mask_are_transformed_alike() {
        // The red channel holds the class of each pixel, so the two agree only if both were moved alike.
        let mut tile = tile();
        for (pixel, class) in tile.pixels.chunks_exact_mut(3).zip(&tile.classes) {
            pixel[0] = *class;
        }
        let geometry = Augmentation { flip: true, rot90: true, ..Augmentation::none() };
        for index in 0..16 {
            let mut turned = tile.clone();
            geometry.apply(&mut turned, 0, 0, index);
            assert!(
                turned.pixels.chunks_exact(3).zip(&turned.classes).all(|(pixel, class)| pixel[0] == *class)
            );
        }
    }
}
