//! Gaussian blur: tissue out of focus.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, interval};
use super::random::between;
use crate::error::Error;
use crate::tiles::Tile;

/// Standard deviations to either side that the kernel reaches.
const TRUNCATE: f64 = 3.0;

/// Random Gaussian blur, as MONAI's `RandGaussianSmooth`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBlur {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Range of the standard deviation in pixels. In [0.1, 20].
    pub sigma_range: [f64; 2],
}

impl Default for GaussianBlur {
    fn default() -> Self {
        Self { prob: 0.0, sigma_range: [0.5, 1.0] }
    }
}

impl Check for GaussianBlur {
    fn check(&self, name: &str) -> Result<(), Error> {
        interval(name, "sigma_range", self.sigma_range, 0.1..=20.0)
    }
}

impl Transform for GaussianBlur {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        blur(tile, between(self.sigma_range, random));
    }
}

/// Blurs the image; beyond its borders, the outermost pixels go on.
fn blur(tile: &mut Tile, sigma: f64) {
    let kernel = kernel(sigma);
    let (radius, line) = (kernel.len() / 2, tile.width * 3);
    let mut rows = Vec::with_capacity(tile.pixels.len());
    let mut padded = vec![0.0; line + 6 * radius];
    for row in tile.pixels.chunks_exact(line) {
        for (channel, value) in padded.iter_mut().enumerate() {
            let x = (channel / 3).saturating_sub(radius).min(tile.width - 1);
            *value = f32::from(row[x * 3 + channel % 3]);
        }
        let start = rows.len();
        rows.resize(start + line, 0.0f32);
        for (tap, weight) in kernel.iter().enumerate() {
            add(&mut rows[start..], &padded[tap * 3..][..line], *weight);
        }
    }
    let mut sum = vec![0.0; line];
    for (y, row) in tile.pixels.chunks_exact_mut(line).enumerate() {
        // For rounding to the nearest.
        sum.fill(0.5);
        for (tap, weight) in kernel.iter().enumerate() {
            let source = (y + tap).saturating_sub(radius).min(tile.height - 1);
            add(&mut sum, &rows[source * line..][..line], *weight);
        }
        for (value, sum) in row.iter_mut().zip(&sum) {
            *value = *sum as u8;
        }
    }
}

fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

fn kernel(sigma: f64) -> Vec<f32> {
    let radius = (TRUNCATE * sigma + 0.5) as i32;
    let weights: Vec<f64> =
        (-radius..=radius).map(|at| (-0.5 * (f64::from(at) / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::tests::golden::{Golden, assert_close};

    #[test]
    fn blurs_agree_with_scipy() {
        let golden = Golden::read();
        for case in &golden.blur {
            let mut tile = golden.tile();
            blur(&mut tile, case.sigma);
            assert_close(&tile.pixels, &case.pixels, 1, &format!("sigma {}", case.sigma));
        }
    }
}
