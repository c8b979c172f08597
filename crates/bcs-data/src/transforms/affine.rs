//! Random affine map.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::check::{Check, within};
use super::random::around_zero;
use super::resample::AffineMap;
use crate::error::Error;

/// Rotation, scale, shear and translation about the centre of the tile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Largest angle of rotation in degrees, in either direction. In [0, 180].
    pub rotate: f64,
    /// The tile is magnified by a factor in 1 ± this. In [0, 0.9].
    pub scale: f64,
    /// Largest angle of shear in degrees, in either direction, of each axis. In [0, 60].
    pub shear: f64,
    /// Largest translation as a fraction of height and width, in either direction. In [0, 1].
    pub translate: f64,
}

impl Check for Affine {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "rotate", self.rotate, 0.0..=180.0)?;
        within(name, "scale", self.scale, 0.0..=0.9)?;
        within(name, "shear", self.shear, 0.0..=60.0)?;
        within(name, "translate", self.translate, 0.0..=1.0)
    }
}

impl Affine {
    /// Draws the map from pixels of a new tile of this height and width to those of the old one.
    pub(super) fn map(&self, size: [usize; 2], random: &mut impl Rng) -> AffineMap {
        let angle = around_zero(self.rotate, random).to_radians();
        let factor = 1.0 / (1.0 + around_zero(self.scale, random));
        // One shear at a time: two of opposite sign would be another rotation.
        let shear = around_zero(self.shear, random).to_radians().tan();
        let shear = if random.random() { [shear, 0.0] } else { [0.0, shear] };
        let (sin, cos) = angle.sin_cos();
        let matrix =
            [[cos + sin * shear[1], cos * shear[0] + sin], [-sin + cos * shear[1], -sin * shear[0] + cos]];
        AffineMap {
            matrix: matrix.map(|row| row.map(|part| (factor * part) as f32)),
            translation: size.map(|side| (around_zero(self.translate, random) * side as f64) as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn maps(affine: Affine) -> Vec<AffineMap> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        (0..500).map(|_| affine.map([100, 200], &mut random)).collect()
    }

    fn determinant([[a, b], [c, d]]: [[f32; 2]; 2]) -> f32 {
        a * d - b * c
    }

    #[test]
    fn rotations_and_shears_keep_areas_and_scales_change_them_within_their_range() {
        let rigid = Affine { rotate: 180.0, shear: 30.0, ..Affine::default() };
        assert!(maps(rigid).iter().all(|map| (determinant(map.matrix) - 1.0).abs() < 1e-5));
        let areas: Vec<f32> = maps(Affine { scale: 0.25, ..rigid })
            .iter()
            .map(|map| 1.0 / determinant(map.matrix).sqrt())
            .collect();
        let (least, most) =
            areas.iter().fold((f32::MAX, 0.0f32), |(a, b), area| (a.min(*area), b.max(*area)));
        assert!((0.75..0.76).contains(&least) && (1.24..1.25).contains(&most), "{least} {most}");
    }

    #[test]
    fn translations_are_fractions_of_the_sides() {
        let maps = maps(Affine { translate: 0.1, ..Affine::default() });
        assert!(maps.iter().all(|map| map.matrix == [[1.0, 0.0], [0.0, 1.0]]));
        for (axis, side) in [(0, 100.0), (1, 200.0)] {
            let most = maps.iter().map(|map| map.translation[axis].abs()).fold(0.0, f32::max);
            assert!((0.099 * side..=0.1 * side).contains(&most), "{most}");
        }
    }
}
