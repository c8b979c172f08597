//! Sharpness: variance of the Laplacian.

use super::plane::Plane;
use super::statistics::Moments;

/// Variance of the Laplacian (4 neighbours) over the pixels that have all neighbours, in grey levels squared, at least 0
/// (Pech-Pacheco et al., 2000); 0 if no pixel has all of them. Loss of focus lowers it, and noise raises it.
pub(super) fn sharpness(luma: &Plane) -> f64 {
    let inner = luma.width.saturating_sub(2);
    let (mut count, mut sum, mut squares) = (0, 0_i64, 0_i64);
    for [above, row, below] in luma.neighbourhoods() {
        let (mut row_sum, mut row_squares) = (0_i32, 0_u64);
        for at in 0..inner {
            let sides = i32::from(above[at + 1])
                + i32::from(below[at + 1])
                + i32::from(row[at])
                + i32::from(row[at + 2]);
            let laplacian = sides - 4 * i32::from(row[at + 1]);
            row_sum += laplacian;
            row_squares += u64::from((laplacian * laplacian) as u32);
        }
        count += inner;
        sum += i64::from(row_sum);
        squares += row_squares as i64;
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
