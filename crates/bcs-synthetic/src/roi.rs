//! Border of the annotated region, which may exclude a corner of the image.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::noise::gradient;

/// Fraction of slides whose region of interest excludes a corner.
const CUT_SHARE: f64 = 0.4;

/// Region of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roi {
    /// Lengths of the cut along width and height, relative to each; `None` without a cut.
    cut: Option<[f32; 2]>,
    /// Whether the excluded corner is on the right, and at the bottom.
    corner: [bool; 2],
    noise: u32,
}

impl Roi {
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let lengths = [rng.random_range(0.3..0.7), rng.random_range(0.3..0.7)];
        Self { cut: rng.random_bool(CUT_SHARE).then_some(lengths), corner: rng.random(), noise: rng.random() }
    }

    /// Returns whether a position of an image of `size` px is excluded.
    pub(crate) fn excludes(&self, x: f32, y: f32, size: [f32; 2]) -> bool {
        let Some(lengths) = self.cut else { return false };
        let from_corner = |axis: usize, place: f32| {
            let share = place / size[axis];
            if self.corner[axis] { 1.0 - share } else { share }
        };
        let out = from_corner(0, x) / lengths[0] + from_corner(1, y) / lengths[1];
        // The noise displaces the border by less than this.
        if (out - 1.0).abs() > 0.16 {
            return out < 1.0;
        }
        out + 0.09 * gradient(self.noise, x / 90.0, y / 90.0) < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_cut_excludes_one_corner_and_less_than_a_third() {
        let mut cut = 0;
        for seed in 0..40 {
            let roi = Roi::draw(&mut ChaCha8Rng::seed_from_u64(seed));
            let out = |x: f32, y: f32| roi.excludes(x, y, [500.0, 500.0]);
            let excluded = (0..2500).filter(|i| out((i % 50 * 10) as f32, (i / 50 * 10) as f32)).count();
            let corners = [(0.0, 0.0), (499.0, 0.0), (0.0, 499.0), (499.0, 499.0)];
            assert_eq!(corners.iter().filter(|&&(x, y)| out(x, y)).count(), usize::from(excluded > 0));
            assert!(excluded < 2500 / 3);
            cut += usize::from(excluded > 0);
        }
        assert!((6..30).contains(&cut), "{cut} of 40 slides are cut");
    }
}
