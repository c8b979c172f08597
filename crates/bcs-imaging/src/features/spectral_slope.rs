//! Slope of the power spectrum.

use super::octaves::OCTAVES;

/// Energy below which an octave holds rounding errors only, in grey levels squared.
const FLOOR: f64 = 1e-3;

/// Exponent α of the power spectrum f^−α, by a least-squares line through the logarithms of the energies of the octaves
/// (Field, 1987; Abry and Veitch, 1998). About 2 for natural images; noise lowers it, blur and larger magnification raise it.
pub(super) fn spectral_slope(octaves: &[f64; OCTAVES]) -> f64 {
    let centre = (OCTAVES - 1) as f64 / 2.0;
    let offsets = (0..OCTAVES).map(|octave| octave as f64 - centre);
    let squares: f64 = offsets.clone().map(|offset| offset * offset).sum();
    offsets.zip(octaves).map(|(offset, energy)| offset * energy.max(FLOOR).log2()).sum::<f64>() / squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_the_exponent() {
        assert!(spectral_slope(&[3.0; 4]).abs() < 1e-12);
        assert!((spectral_slope(&[1.0, 4.0, 16.0, 64.0]) - 2.0).abs() < 1e-12);
        assert!(spectral_slope(&[0.0; 4]).is_finite());
    }
}
