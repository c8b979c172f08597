//! Energy of a window in octaves of spatial frequency.

use super::plane::Plane;

/// Number of octaves: from details of one pixel to those of eight.
pub(super) const OCTAVES: usize = 4;

/// Mean energy of the details of each octave, the finest first, in grey levels squared; `None` for windows with a side below
/// 16 pixels.
///
/// These are the variances of the coefficients of the orthonormal Haar wavelet (Mallat, 1989): white noise of variance σ² has
/// σ² in every octave, and a power spectrum f^−α has energies that grow by 2^α from each octave to the next coarser one. A
/// Fourier transform would cost ten times as much.
pub(super) fn octaves(luma: &Plane) -> Option<[f64; OCTAVES]> {
    if luma.width.min(luma.height()) < 1 << OCTAVES {
        return None;
    }
    let mut level: Vec<f32> = luma.values.iter().copied().map(f32::from).collect();
    let mut width = luma.width;
    Some(std::array::from_fn(|_| {
        let (coarse, energy) = halve(&level, width);
        level = coarse;
        width /= 2;
        energy
    }))
}

/// Returns the averages of 2×2 values, times 2, and the mean square of their details.
fn halve(values: &[f32], width: usize) -> (Vec<f32>, f64) {
    let mut coarse = Vec::with_capacity(values.len() / 4);
    let mut energy = 0.0;
    for rows in values.chunks_exact(2 * width) {
        let (above, below) = rows.split_at(width);
        let mut sum = 0.0_f32;
        for (above, below) in above.chunks_exact(2).zip(below.chunks_exact(2)) {
            let [a, b, c, d] = [above[0], above[1], below[0], below[1]];
            let (across, down, diagonal) = (a - b + c - d, a + b - c - d, a - b - c + d);
            sum += across * across + down * down + diagonal * diagonal;
            coarse.push(0.5 * (a + b + c + d));
        }
        energy += f64::from(sum);
    }
    // A quarter from the normalization, a third from the three orientations.
    let count = coarse.len() as f64;
    (coarse, energy / count / 12.0)
}

#[cfg(test)]
mod tests {
    use super::super::plane::tests::{plane, random};
    use super::*;

    #[test]
    fn white_noise_has_its_variance_in_every_octave() {
        let energies = octaves(&plane([224, 224], random)).unwrap();
        let variance = 65_535.0 / 12.0;
        for (octave, energy) in energies.into_iter().enumerate() {
            let tolerance = 0.03 * 2.0_f64.powi(octave as i32);
            assert!((energy / variance - 1.0).abs() < tolerance, "octave {octave}: {energy}");
        }
    }

    #[test]
    fn a_pattern_lies_in_its_octave() {
        let energies = octaves(&plane([64, 70], |x, _| if x / 4 % 2 == 0 { 100 } else { 120 })).unwrap();
        assert_eq!((energies[0], energies[1], energies[3]), (0.0, 0.0, 0.0));
        // Four times the difference of 20 between columns, in one of three orientations.
        assert!((energies[2] - 6400.0 / 3.0).abs() < 1e-9, "{energies:?}");
        assert_eq!(octaves(&plane([15, 300], |_, _| 0)), None);
    }
}
