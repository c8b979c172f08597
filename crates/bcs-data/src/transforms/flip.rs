//! Horizontal flip.

use crate::tiles::Tile;

/// Flips a tile left to right.
pub(super) fn flip(tile: &mut Tile) {
    for row in tile.classes.chunks_exact_mut(tile.width) {
        row.reverse();
    }
    for row in tile.pixels.chunks_exact_mut(tile.width * 3) {
        let (mut left, mut right) = (0, row.len() - 3);
        while left < right {
            for channel in 0..3 {
                row.swap(left + channel, right + channel);
            }
            left += 3;
            right -= 3;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flip_reverses_rows_and_is_its_own_inverse() {
        let tile = Tile { width: 3, height: 1, pixels: (0..9).collect(), classes: vec![0, 1, 2] };
        let mut flipped = tile.clone();
        flip(&mut flipped);
        assert_eq!(
            (flipped.pixels.as_slice(), flipped.classes.as_slice()),
            (&[6, 7, 8, 3, 4, 5, 0, 1, 2][..], &[2, 1, 0][..])
        );
        flip(&mut flipped);
        assert_eq!(flipped, tile);
    }
}
