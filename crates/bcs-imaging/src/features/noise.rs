//! Noise level.

use super::plane::Plane;

/// Side of the squares in which the noise is measured, in pixels.
const SQUARE: usize = 16;

/// Share of the squares that count: those with the least structure.
const SMOOTHEST: f64 = 0.1;

/// Standard deviation of the noise, in grey levels, at least 0; `None` for windows that hold no square of 16 pixels.
///
/// The difference of two Laplacians cancels out structure to the third order (Immerkær, 1996). Fine chromatin still gets
/// through, so the mean is over the smoothest tenth of the squares of 16×16 pixels, where there is cytoplasm, stroma or
/// glass.
pub(super) fn noise(luma: &Plane) -> Option<f64> {
    let across = luma.width.saturating_sub(2) / SQUARE;
    let (mut sums, mut differences): (Vec<u32>, Vec<i16>) = (Vec::new(), vec![0; luma.width]);
    for (y, [above, row, below]) in luma.neighbourhoods().enumerate() {
        if y % SQUARE == 0 {
            sums.extend(std::iter::repeat_n(0, across));
        }
        let neighbours = above.iter().zip(below).zip(row);
        for (difference, ((above, below), centre)) in differences.iter_mut().zip(neighbours) {
            *difference = i16::from(*above) + i16::from(*below) - 2 * i16::from(*centre);
        }
        let last = sums.len() - across;
        for (square, sum) in sums[last..].iter_mut().enumerate() {
            let from = &differences[square * SQUARE..][..SQUARE + 2];
            *sum += (0..SQUARE)
                .map(|at| u32::from((from[at] + from[at + 2] - 2 * from[at + 1]).unsigned_abs()))
                .sum::<u32>();
        }
    }
    let complete = luma.height().saturating_sub(2) / SQUARE * across;
    sums.truncate(complete);
    if sums.is_empty() {
        return None;
    }
    sums.sort_unstable();
    let counted = (SMOOTHEST * complete as f64).ceil() as usize;
    let total: u32 = sums[..counted].iter().sum();
    let mean = f64::from(total) / (counted * SQUARE * SQUARE) as f64;
    // The weights of the mask have the squares 36, and the mean absolute value of a normal variate is √(2/π).
    Some(mean * std::f64::consts::FRAC_PI_2.sqrt() / 6.0)
}

#[cfg(test)]
mod tests {
    use super::super::plane::tests::{plane, random};
    use super::*;

    /// Standard deviation of the sum of four bytes / 32: about normal noise.
    fn grain(x: usize, y: usize) -> f64 {
        (0..4).map(|k| f64::from(random(4 * x + k, y))).sum::<f64>() / 32.0
    }

    #[test]
    fn the_level_is_that_of_normal_noise_whatever_the_slope() {
        let expected = 4.0_f64.sqrt() * (256.0_f64 * 256.0 / 12.0).sqrt() / 32.0;
        for slope in [0, 1] {
            let found = noise(&plane([112, 112], |x, y| (slope * x) as u8 + grain(x, y) as u8)).unwrap();
            assert!((found / expected - 1.0).abs() < 0.15, "{found} and {expected}");
        }
    }

    #[test]
    fn texture_in_a_part_of_the_window_is_not_noise() {
        let found = noise(&plane([112, 112], |x, y| if x < 80 { random(x, y) } else { 200 })).unwrap();
        assert_eq!(found, 0.0);
        assert_eq!(noise(&plane([17, 300], |_, _| 0)), None);
    }
}
