//! Flips.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use crate::tiles::Tile;

/// Flip left to right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {
    /// Probability, in [0, 1].
    pub prob: f64,
}

/// Flip upside down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerticalFlip {
    /// Probability, in [0, 1].
    pub prob: f64,
}

impl Transform for HorizontalFlip {
    fn apply(&self, tile: &mut Tile, _random: &mut ChaCha8Rng) {
        for row in tile.classes.chunks_exact_mut(tile.width) {
            row.reverse();
        }
        for row in tile.pixels.chunks_exact_mut(tile.width * 3) {
            row.as_chunks_mut::<3>().0.reverse();
        }
    }
}

impl Transform for VerticalFlip {
    fn apply(&self, tile: &mut Tile, _random: &mut ChaCha8Rng) {
        reverse_rows(&mut tile.classes, tile.width);
        reverse_rows(&mut tile.pixels, tile.width * 3);
    }
}

fn reverse_rows(values: &mut [u8], width: usize) {
    let half = values.len() / width / 2 * width;
    let (upper, lower) = values.split_at_mut(half);
    for (top, bottom) in upper.chunks_exact_mut(width).zip(lower.rchunks_exact_mut(width)) {
        top.swap_with_slice(bottom);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn flipped(transform: &dyn Transform, width: usize, height: usize) -> Vec<u8> {
        let classes: Vec<u8> = (0..(width * height) as u8).collect();
        let pixels = classes.iter().flat_map(|class| [*class, class + 100, class + 200]).collect();
        let original = Tile { width, height, pixels, classes };
        let mut tile = original.clone();
        let mut random = ChaCha8Rng::seed_from_u64(0);
        transform.apply(&mut tile, &mut random);
        let of_class = |class: &u8| [*class, class + 100, class + 200];
        assert!(
            tile.pixels.chunks_exact(3).zip(&tile.classes).all(|(pixel, class)| pixel == of_class(class))
        );
        let classes = tile.classes.clone();
        transform.apply(&mut tile, &mut random);
        assert_eq!(tile, original);
        classes
    }

    #[test]
    fn flips_are_those_of_numpy() {
        // numpy.fliplr and numpy.flipud of numpy.arange(6).reshape(3, 2), and of 2 × 3.
        let (horizontal, vertical) = (HorizontalFlip { prob: 1.0 }, VerticalFlip { prob: 1.0 });
        assert_eq!(flipped(&horizontal, 2, 3), [1, 0, 3, 2, 5, 4]);
        assert_eq!(flipped(&vertical, 2, 3), [4, 5, 2, 3, 0, 1]);
        assert_eq!(flipped(&horizontal, 3, 2), [2, 1, 0, 5, 4, 3]);
        assert_eq!(flipped(&vertical, 3, 2), [3, 4, 5, 0, 1, 2]);
    }
}
