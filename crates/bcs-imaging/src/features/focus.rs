//! Focus, apart from noise.

use super::octaves::OCTAVES;

/// Energy that is always added, so that windows without any detail have a focus of 1, in grey levels squared.
const FLOOR: f64 = 0.25;

/// Energy of details of two pixels relative to those of four, without the energy of noise of this standard deviation;
/// greater than 0. A ratio does not depend on the contrast of the stain. Loss of focus lowers it; noise, which is in all
/// octaves alike and is subtracted, does not raise it (after Kautsky et al., 2002, who compare octaves of wavelets).
pub(super) fn focus(octaves: &[f64; OCTAVES], noise: f64) -> f64 {
    let [_, fine, coarse, _] = octaves.map(|energy| (energy - noise * noise).max(0.0) + FLOOR);
    fine / coarse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_and_contrast_do_not_change_the_focus() {
        let sharp = focus(&[100.0, 200.0, 400.0, 800.0], 0.0);
        assert!((sharp - 0.5).abs() < 1e-3);
        let noisy = focus(&[125.0, 225.0, 425.0, 825.0], 5.0);
        assert!((noisy - sharp).abs() < 1e-12);
        assert!((focus(&[400.0, 800.0, 1600.0, 3200.0], 0.0) - sharp).abs() < 1e-3);
        assert!(focus(&[1.0, 50.0, 300.0, 800.0], 0.0) < 0.2);
        assert_eq!(focus(&[0.0; 4], 3.0), 1.0);
    }
}
