//! Cut-mix of a batch.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::check::{Check, within};
use super::mixup::{partner, rotated, weight};
use crate::error::Error;
use crate::loader::Batch;

/// Rectangles of other tiles of the batch, image and mask (Yun et al., 2019).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutMix {
    /// Probability of a batch, in [0, 1].
    pub prob: f64,
    /// The area outside of the rectangle, as a fraction, follows the distribution Beta(alpha, alpha). In [0.01, 100].
    pub alpha: f64,
}

impl Default for CutMix {
    fn default() -> Self {
        Self { prob: 0.0, alpha: 1.0 }
    }
}

impl Check for CutMix {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "alpha", self.alpha, 0.01..=100.0)
    }
}

impl CutMix {
    /// Pastes a rectangle of another tile into each tile; a batch of a single tile is left unchanged.
    pub(super) fn apply(&self, batch: &mut Batch, random: &mut ChaCha8Rng) {
        let Some(shift) = partner(batch.len, random) else { return };
        let area = batch.height * batch.width;
        let pixels = rotated(&batch.pixels, shift * area * 3);
        let classes = rotated(&batch.classes, shift * area);
        for tile in 0..batch.len {
            let side = (1.0 - weight(self.alpha, random)).sqrt();
            let [rows, columns] = [batch.height, batch.width].map(|length| {
                // The centre lies in the tile; what would lie outside is left out.
                let (centre, half) =
                    (random.random_range(0..length), (side * length as f64 / 2.0).round() as usize);
                centre.saturating_sub(half)..(centre + half).min(length)
            });
            for row in rows {
                let row = tile * area + row * batch.width;
                let [start, end] = [row + columns.start, row + columns.end];
                batch.classes[start..end].copy_from_slice(&classes[start..end]);
                batch.pixels[start * 3..end * 3].copy_from_slice(&pixels[start * 3..end * 3]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::loader::Part;

    #[test]
    fn image_and_mask_have_the_same_rectangle_of_another_tile() {
        let (len, side) = (4, 50);
        let tiles = (0..len as u8).flat_map(|tile| vec![tile; side * side]);
        let classes: Vec<u8> = tiles.collect();
        let pixels = classes.iter().flat_map(|class| [*class; 3]).collect();
        let part = Part::whole(len);
        let original = Batch { len, height: side, width: side, pixels, classes, mixed: None, part };
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mut shares = Vec::new();
        for _ in 0..100 {
            let mut batch = original.clone();
            CutMix { prob: 1.0, alpha: 1.0 }.apply(&mut batch, &mut random);
            assert!(
                batch.pixels.chunks_exact(3).zip(&batch.classes).all(|(pixel, class)| pixel == [*class; 3])
            );
            for (tile, classes) in batch.classes.chunks_exact(side * side).enumerate() {
                let pasted: Vec<u8> =
                    classes.iter().copied().filter(|class| usize::from(*class) != tile).collect();
                assert!(pasted.windows(2).all(|pair| pair[0] == pair[1]), "tiles of more than one partner");
                shares.push(pasted.len() as f64 / (side * side) as f64);
            }
        }
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        // Half of the area, less what would lie outside.
        assert!((0.25..0.4).contains(&mean), "{mean}");
    }
}
