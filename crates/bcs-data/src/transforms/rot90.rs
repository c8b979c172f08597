//! Rotation by multiples of 90°.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use crate::tiles::Tile;

/// Rotation by 90°, 180° or 270°, each as likely. A tile that is not square is rotated by 180° only, so that it keeps its
/// shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rot90 {
    /// Probability, in [0, 1]. With 0.75, all four orientations are as likely.
    pub prob: f64,
}

impl Transform for Rot90 {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let quarters = if tile.width == tile.height { random.random_range(1..4) } else { 2 };
        rotate(tile, quarters);
    }
}

/// Rotates a tile counter-clockwise by `quarters` · 90°; by 90° and 270° only if it is square.
fn rotate(tile: &mut Tile, quarters: u32) {
    let (width, height) = (tile.width, tile.height);
    let source = |y: usize, x: usize| match quarters {
        1 => x * width + (width - 1 - y),
        2 => (height - 1 - y) * width + (width - 1 - x),
        _ => (height - 1 - x) * width + y,
    };
    let before = tile.pixels.as_chunks::<3>().0;
    let mut pixels = Vec::with_capacity(tile.pixels.len());
    let mut classes = Vec::with_capacity(tile.classes.len());
    for y in 0..height {
        for x in 0..width {
            let at = source(y, x);
            pixels.extend_from_slice(&before[at]);
            classes.push(tile.classes[at]);
        }
    }
    tile.pixels = pixels;
    tile.classes = classes;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotated(width: usize, height: usize, quarters: u32) -> Vec<u8> {
        let classes: Vec<u8> = (0..(width * height) as u8).collect();
        let pixels = classes.iter().flat_map(|class| [*class; 3]).collect();
        let mut tile = Tile { width, height, pixels, classes };
        rotate(&mut tile, quarters);
        assert!(tile.pixels.chunks_exact(3).zip(&tile.classes).all(|(pixel, class)| pixel == [*class; 3]));
        tile.classes
    }

    #[test]
    fn rotations_are_those_of_numpy() {
        // numpy.rot90([[0, 1], [2, 3]], k)
        assert_eq!(rotated(2, 2, 1), [1, 3, 0, 2]);
        assert_eq!(rotated(2, 2, 2), [3, 2, 1, 0]);
        assert_eq!(rotated(2, 2, 3), [2, 0, 3, 1]);
        assert_eq!(rotated(3, 1, 2), [2, 1, 0]);
    }
}
