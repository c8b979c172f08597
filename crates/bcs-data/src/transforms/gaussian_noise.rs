//! Gaussian noise of the camera.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, interval};
use super::random::between;
use crate::error::Error;
use crate::tiles::Tile;

/// Random Gaussian noise, on its own in each pixel and channel, as MONAI's `RandGaussianNoise`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Range of the standard deviation as a fraction of the range of values. In [0, 1].
    pub std_range: [f64; 2],
}

impl Check for GaussianNoise {
    fn check(&self, name: &str) -> Result<(), Error> {
        interval(name, "std_range", self.std_range, 0.0..=1.0)
    }
}

impl Transform for GaussianNoise {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let std = 255.0 * between(self.std_range, random) as f32;
        for value in &mut tile.pixels {
            let noise = std * random.sample::<f32, _>(StandardNormal);
            // Rounded to the nearest.
            *value = (f32::from(*value) + noise + 0.5) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn noise_has_mean_zero_and_its_standard_deviation() {
        let noise = GaussianNoise { prob: 1.0, std_range: [0.04, 0.04] };
        let (width, height) = (200, 200);
        let mut tile =
            Tile { width, height, pixels: vec![128; width * height * 3], classes: vec![1; width * height] };
        noise.apply(&mut tile, &mut ChaCha8Rng::seed_from_u64(1));
        let values = || tile.pixels.iter().map(|value| f64::from(*value) - 128.0);
        let count = tile.pixels.len() as f64;
        let (mean, square) =
            (values().sum::<f64>() / count, values().map(|value| value * value).sum::<f64>() / count);
        assert!(mean.abs() < 0.1 && (square.sqrt() - 10.2).abs() < 0.1, "{mean} {}", square.sqrt());
        let fourth = values().map(|value| value.powi(4)).sum::<f64>() / count / square.powi(2);
        assert!((fourth - 3.0).abs() < 0.1, "kurtosis {fourth}");
        assert!(tile.classes.iter().all(|class| *class == 1));
    }
}
