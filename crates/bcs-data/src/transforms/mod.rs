//! What training does to a tile before the network sees it. Every random choice is a function of (seed, epoch,
//! index) alone. Image and mask turn together; colour changes the image alone.

mod colour_jitter;
mod flip;
mod rot90;
mod stain_jitter;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::tiles::Tile;

/// What may happen to a tile in training. The default holds for H&E of mixed stains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Mirrors half of the tiles, left to right.
    pub flip: bool,
    /// Turns tiles by a random number of quarters.
    pub rot90: bool,
    /// Each channel times 1 ± this. In [0, 1].
    pub colour_scale: f64,
    /// Each channel plus or minus this share of the range. In [0, 1].
    pub colour_shift: f64,
    /// The amount of haematoxylin and of eosin times 1 ± this. In [0, 1].
    pub stain_scale: f64,
    /// The optical density of haematoxylin and of eosin plus or minus this. In [0, 1].
    pub stain_shift: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: true,
            rot90: true,
            colour_scale: 0.3,
            colour_shift: 0.15,
            stain_scale: 0.6,
            stain_shift: 0.15,
        }
    }
}

impl Augmentation {
    /// Nothing happens to a tile.
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

    /// Applies it to a tile, with the random choices of its place in the run.
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

/// The generator of one tile in one epoch: all 192 bits are its seed, so no two share a stream.
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
    fn the_same_place_in_a_run_gives_the_same_tile() {
        let apply = |seed, epoch, index| {
            let mut tile = tile();
            Augmentation::default().apply(&mut tile, seed, epoch, index);
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
    fn image_and_mask_turn_together() {
        // Each pixel's red is its class, so they can only agree if they moved alike.
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
