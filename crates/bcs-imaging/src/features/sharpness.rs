//! Sharpness: variance of the Laplacian.

use super::plane::Plane;
use super::statistics::Moments;

/// Number of squared Laplacians whose sum fits in 32 bits, so that the processor adds several at once.
const SPAN: usize = 2_000;

/// Variance of the Laplacian (4 neighbours) over the pixels that have all neighbours, in grey levels squared, at least 0
/// (Pech-Pacheco et al., 2000); 0 if no pixel has all of them. Loss of focus lowers it, and noise raises it.
pub(super) fn sharpness(luma: &Plane) -> f64 {
    let inner = luma.width.saturating_sub(2);
    let (mut count, mut sum, mut squares) = (0, 0_i64, 0_u64);
    for [above, row, below] in luma.neighbourhoods() {
        let at = |from: usize| {
            (from..from + inner).step_by(SPAN).map(move |start| start..(start + SPAN).min(from + inner))
        };
        for (left, (middle, right)) in at(0).zip(at(1).zip(at(2))) {
            let (mut span_sum, mut span_squares) = (0_i32, 0_i32);
            let vertical = above[middle.clone()].iter().zip(&below[middle.clone()]);
            let horizontal = row[left].iter().zip(&row[right]);
            for (((a, b), (c, d)), centre) in vertical.zip(horizontal).zip(&row[middle]) {
                let sides = i32::from(*a) + i32::from(*b) + i32::from(*c) + i32::from(*d);
                let laplacian = sides - 4 * i32::from(*centre);
                span_sum += laplacian;
                span_squares += laplacian * laplacian;
            }
            sum += i64::from(span_sum);
            squares += u64::from(span_squares.unsigned_abs());
        }
        count += inner;
    }
    if count == 0 {
        return 0.0;
    }
    Moments { count: count as f64, sum: sum as f64, squares: squares as f64 }.mean_and_variance().1
}

#[cfg(test)]
mod tests {
    use super::super::plane::tests::plane;
    use super::*;

    #[test]
    fn a_ramp_has_no_curvature_and_a_chequer_much() {
        assert_eq!(sharpness(&plane([10, 100], |x, _| x as u8)), 0.0);
        assert_eq!(sharpness(&plane([2, 2], |x, _| 9 * x as u8)), 0.0);
        // The Laplacian is ±1020 at every pixel.
        assert_eq!(sharpness(&plane([20, 20], |x, y| ((x + y) % 2 * 255) as u8)), 1020.0 * 1020.0);
    }
}
