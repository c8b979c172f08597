//! Rotation by multiples of 90°.

use crate::tiles::Tile;

/// Rotates a tile counter-clockwise by `quarters` · 90°. A tile that is not square is rotated by multiples of 180° only,
/// so that it keeps its shape.
pub(super) fn rot90(tile: &mut Tile, quarters: u32) {
    let quarters = if tile.width == tile.height { quarters % 4 } else { quarters % 2 * 2 };
    if quarters == 0 {
        return;
    }
    let (width, height) = (tile.width, tile.height);
    let source = |y: usize, x: usize| match quarters {
        1 => x * width + (width - 1 - y),
        2 => (height - 1 - y) * width + (width - 1 - x),
        _ => (height - 1 - x) * width + y,
    };
    let mut pixels = Vec::with_capacity(tile.pixels.len());
    let mut classes = Vec::with_capacity(tile.classes.len());
    for y in 0..height {
        for x in 0..width {
            let at = source(y, x);
            pixels.extend_from_slice(&tile.pixels[at * 3..at * 3 + 3]);
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
        rot90(&mut tile, quarters);
        assert!(tile.pixels.chunks_exact(3).zip(&tile.classes).all(|(pixel, class)| pixel == [*class; 3]));
        tile.classes
    }

    #[test]
    fn rotations_are_those_of_numpy() {
        // numpy.rot90([[0, 1], [2, 3]], k)
        assert_eq!(rotated(2, 2, 1), [1, 3, 0, 2]);
        assert_eq!(rotated(2, 2, 2), [3, 2, 1, 0]);
        assert_eq!(rotated(2, 2, 3), [2, 0, 3, 1]);
        assert_eq!(rotated(3, 1, 1), [2, 1, 0]);
    }
}
