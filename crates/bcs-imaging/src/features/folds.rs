//! Folded tissue.

use super::cells::{Cell, fraction};

/// Saturation minus luma from which tissue is folded.
const THRESHOLD: f32 = 0.3;

/// Fraction of the window under folded tissue, in [0, 1]; `None` without cells.
///
/// Where tissue lies double, the light passes twice the stain: it is both more saturated and darker than any single layer
/// (saturation minus intensity, Palokangas et al., 2007; Bautista and Yagi, 2009).
pub(super) fn fold_fraction(cells: &[Cell]) -> Option<f64> {
    fraction(cells, |cell| {
        let [red, green, blue] = cell.color;
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        f32::from(most - least) > (THRESHOLD + cell.luma / 255.0) * f32::from(most)
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::uniform;
    use super::*;

    #[test]
    fn double_layers_are_darker_and_more_saturated() {
        let single = [200_u8, 90, 150];
        let double = single.map(|value| (f32::from(value).powi(2) / 255.0) as u8);
        assert_eq!(fold_fraction(&[uniform(single), uniform(double), uniform([245; 3])]), Some(1.0 / 3.0));
    }
}
