//! Random elastic deformation.

use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::check::{Check, interval, within};
use super::random::between;
use crate::error::Error;

/// Free-form deformation: random displacements of the points of a grid, joined by cubic B-splines (as MONAI's
/// `Rand2DElastic`, but for the interpolation).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elastic {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Distance between points of the grid in pixels. In [4, 1024].
    pub spacing: f64,
    /// Range of the standard deviation of the displacement in pixels, per axis. At most a third of the spacing, beyond which
    /// tissue would be folded over itself.
    pub magnitude_range: [f64; 2],
}

impl Default for Elastic {
    fn default() -> Self {
        Self { prob: 0.0, spacing: 32.0, magnitude_range: [0.0; 2] }
    }
}

impl Check for Elastic {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "spacing", self.spacing, 4.0..=1024.0)?;
        interval(name, "magnitude_range", self.magnitude_range, 0.0..=self.spacing / 3.0)
    }
}

impl Elastic {
    /// Draws the displacement of each pixel along y and along x.
    pub(super) fn displacement(&self, [height, width]: [usize; 2], random: &mut impl Rng) -> [Vec<f32>; 2] {
        // The weights of B-splines at a point of the grid, (1, 4, 1) / 6 per axis, halve the standard deviation.
        let scale = 2.0 * between(self.magnitude_range, random) as f32;
        let (rows, columns) = (self.taps(height), self.taps(width));
        let points = |taps: &[Taps]| taps.last().map_or(0, |last| last.first + 4);
        [(); 2].map(|()| {
            let lines: Vec<Vec<f32>> = (0..points(&rows))
                .map(|_| {
                    let line: Vec<f32> = (0..points(&columns))
                        .map(|_| scale * random.sample::<f32, _>(StandardNormal))
                        .collect();
                    columns.iter().map(|taps| taps.weighted(|point| line[point])).collect()
                })
                .collect();
            let mut plane = Vec::with_capacity(height * width);
            for taps in &rows {
                let lines: [&[f32]; 4] = std::array::from_fn(|tap| &lines[taps.first + tap][..]);
                plane.extend(
                    (0..width).map(|x| (0..4).map(|tap| taps.weights[tap] * lines[tap][x]).sum::<f32>()),
                );
            }
            plane
        })
    }

    /// Returns the points that determine each of `length` pixels.
    fn taps(&self, length: usize) -> Vec<Taps> {
        (0..length)
            .map(|pixel| {
                let position = pixel as f64 / self.spacing;
                Taps { first: position as usize, weights: cubic(position.fract() as f32) }
            })
            .collect()
    }
}

/// Four points in a row of the grid, and their weights.
struct Taps {
    first: usize,
    weights: [f32; 4],
}

impl Taps {
    fn weighted(&self, value: impl Fn(usize) -> f32) -> f32 {
        (0..4).map(|tap| self.weights[tap] * value(self.first + tap)).sum()
    }
}

/// Weights of the uniform cubic B-spline at `t` in [0, 1] between the second and the third point.
fn cubic(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    let u = 1.0 - t;
    [
        u * u * u / 6.0,
        (3.0 * t3 - 6.0 * t2 + 4.0) / 6.0,
        (-3.0 * t3 + 3.0 * t2 + 3.0 * t + 1.0) / 6.0,
        t3 / 6.0,
    ]
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn displacements_have_their_magnitude_and_are_smooth() {
        let elastic = Elastic { prob: 1.0, spacing: 16.0, magnitude_range: [4.0, 4.0] };
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let (height, width) = (640, 800);
        for plane in elastic.displacement([height, width], &mut random) {
            assert_eq!(plane.len(), height * width);
            let mean = plane.iter().sum::<f32>() / plane.len() as f32;
            let square = plane.iter().map(|value| value * value).sum::<f32>() / plane.len() as f32;
            assert!(mean.abs() < 0.5 && (square.sqrt() - 4.0).abs() < 0.5, "{mean} {}", square.sqrt());
            let steps = plane.windows(2).enumerate().filter(|(at, _)| (at + 1) % width != 0);
            let steepest = steps.map(|(_, pair)| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            // Five standard deviations of the slope, which is steepest midway between points: B-splines have the
            // derivatives (1, 5, 5, 1) / 8 there, and their sum of squares is 0.8125.
            assert!(steepest < 5.0 * 2.0 * (0.8125f32 * 0.5).sqrt() * 4.0 / 16.0, "{steepest}");
        }
    }

    #[test]
    fn weights_are_those_of_scipy() {
        // scipy.interpolate.BSpline.basis_element(range(5))(3 - tap + t) for the four taps
        for (t, expected) in [
            (0.0, [1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0, 0.0]),
            (0.25, [0.070_312_5, 0.611_979_2, 0.315_104_17, 0.002_604_17]),
        ] {
            assert!(cubic(t).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", cubic(t));
        }
    }
}
