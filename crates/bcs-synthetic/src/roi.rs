//! The edge of the annotated region, where it cuts a corner off the picture.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::noise::gradient;

/// Share of slides whose region of interest leaves out a corner.
const CUT_SHARE: f64 = 0.4;

/// What lies outside the region of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roi {
    /// Length of the cut along the width and the height, as a share of each; none where nothing is cut.
    cut: Option<[f32; 2]>,
    /// Whether the corner is on the right, and at the bottom.
    corner: [bool; 2],
    noise: u32,
}

impl Roi {
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let lengths = [rng.random_range(0.3..0.7), rng.random_range(0.3..0.7)];
        Self { cut: rng.random_bool(CUT_SHARE).then_some(lengths), corner: rng.random(), noise: rng.random() }
    }

    /// Whether a place of a picture of `size` px is left out.
    pub(crate) fn leaves_out(&self, x: f32, y: f32, size: [f32; 2]) -> bool {
        let Some(lengths) = self.cut else { return false };
        let from_corner = |axis: usize, place: f32| {
            let share = place / size[axis];
            if self.corner[axis] { 1.0 - share } else { share }
        };
        let out = from_corner(0, x) / lengths[0] + from_corner(1, y) / lengths[1];
        // The noise moves the edge by less than this.
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
    fn a_cut_takes_one_corner_and_no_more_than_a_third() {
        let mut cut = 0;
        for seed in 0..40 {
            let roi = Roi::draw(&mut ChaCha8Rng::seed_from_u64(seed));
            let out = |x: f32, y: f32| roi.leaves_out(x, y, [500.0, 500.0]);
            let left_out = (0..2500).filter(|i| out((i % 50 * 10) as f32, (i / 50 * 10) as f32)).count();
            let corners = [(0.0, 0.0), (499.0, 0.0), (0.0, 499.0), (499.0, 499.0)];
            assert_eq!(corners.iter().filter(|&&(x, y)| out(x, y)).count(), usize::from(left_out > 0));
            assert!(left_out < 2500 / 3);
            cut += usize::from(left_out > 0);
        }
        assert!((6..30).contains(&cut), "{cut} of 40 slides are cut");
    }
}
