//! Mix-up of a batch.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};
use serde::{Deserialize, Serialize};

use super::check::{Check, within};
use crate::error::Error;
use crate::loader::{Batch, Mixed};

/// Weighted means of each tile of a batch with another one; the loss is the mean of the losses against both masks, with the
/// same weights (Zhang et al., 2018).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixUp {
    /// Probability of a batch, in [0, 1].
    pub prob: f64,
    /// The weight follows the distribution Beta(alpha, alpha). In [0.01, 100].
    pub alpha: f64,
}

impl Default for MixUp {
    fn default() -> Self {
        Self { prob: 0.0, alpha: 1.0 }
    }
}

impl Check for MixUp {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "alpha", self.alpha, 0.01..=100.0)
    }
}

impl MixUp {
    /// Mixes a batch in place; one of a single tile is left unchanged.
    pub(super) fn apply(&self, batch: &mut Batch, random: &mut ChaCha8Rng) {
        let Some(shift) = partner(batch.len, random) else { return };
        let weight = weight(self.alpha, random);
        let tables = [weight, 1.0 - weight]
            .map(|weight| -> [f32; 256] { std::array::from_fn(|value| (weight * value as f64) as f32) });
        let others = rotated(&batch.pixels, shift * batch.height * batch.width * 3);
        for (value, other) in batch.pixels.iter_mut().zip(others) {
            // Rounded to the nearest.
            *value = (tables[0][usize::from(*value)] + tables[1][usize::from(other)] + 0.5) as u8;
        }
        let classes = rotated(&batch.classes, shift * batch.height * batch.width);
        batch.mixed = Some(Mixed { classes, weight });
    }
}

/// Draws by how many places the partner of a tile is ahead in the batch.
pub(super) fn partner(len: usize, random: &mut impl Rng) -> Option<usize> {
    (len > 1).then(|| random.random_range(1..len))
}

/// Draws from Beta(alpha, alpha).
pub(super) fn weight(alpha: f64, random: &mut impl Rng) -> f64 {
    // Invalid for parameters only that the check of the configuration refuses.
    Beta::new(alpha, alpha).map_or(1.0, |beta| beta.sample(random))
}

/// Returns the values from `start` on, and those before it after them.
pub(super) fn rotated(values: &[u8], start: usize) -> Vec<u8> {
    [&values[start..], &values[..start]].concat()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::loader::Part;

    #[test]
    fn tiles_are_weighted_means_of_two_tiles() {
        let batch = |len: usize| Batch {
            len,
            height: 2,
            width: 2,
            pixels: (0..len as u8).flat_map(|tile| [tile * 80; 12]).collect(),
            classes: (0..len as u8).flat_map(|tile| [tile; 4]).collect(),
            mixed: None,
            part: Part::whole(len),
        };
        let mixup = MixUp { prob: 1.0, alpha: 0.4 };
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..20 {
            let mut mixed = batch(3);
            mixup.apply(&mut mixed, &mut random);
            assert_eq!(mixed.classes, batch(3).classes);
            let Mixed { classes, weight } = mixed.mixed.unwrap();
            for (tile, pixels) in mixed.pixels.chunks_exact(12).enumerate() {
                let other = classes[tile * 4];
                assert_ne!(usize::from(other), tile);
                let expected = weight * tile as f64 * 80.0 + (1.0 - weight) * f64::from(other) * 80.0;
                assert!(
                    pixels.iter().all(|value| (f64::from(*value) - expected).abs() <= 0.51),
                    "{pixels:?} {expected}"
                );
            }
        }
        let mut single = batch(1);
        mixup.apply(&mut single, &mut random);
        assert_eq!(single, batch(1));
    }

    #[test]
    fn weights_follow_the_beta_distribution() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let weights: Vec<f64> = (0..4000).map(|_| weight(0.4, &mut random)).collect();
        let mean = weights.iter().sum::<f64>() / 4000.0;
        let variance = weights.iter().map(|weight| (weight - 0.5).powi(2)).sum::<f64>() / 4000.0;
        // Variance of Beta(a, a): 1 / (4 (2 a + 1)).
        assert!((mean - 0.5).abs() < 0.02 && (variance - 1.0 / 7.2).abs() < 0.01, "{mean} {variance}");
    }
}
