//! Air bubbles.

use super::cells::{Cell, fraction};

/// Luma / 255 of a bubble. HistoQC goes up to 0.94, which the glass of some scanners is too.
const LUMA: std::ops::Range<f32> = 0.82..0.90;

/// Variance of the luma below which a cell is smooth, in grey levels squared.
const VARIANCE: f32 = 11.0;

/// Largest difference between the channels: bubbles are grey.
const COLOR: u8 = 16;

/// Fraction of the window under air bubbles, in [0, 1]; `None` without cells: smooth and bright as in HistoQC's
/// `LightDarkModule` (Janowczyk et al., 2019), and grey, which pale stroma is not.
pub(super) fn bubble_fraction(cells: &[Cell]) -> Option<f64> {
    fraction(cells, |cell| {
        let [red, green, blue] = cell.color;
        let range = red.max(green).max(blue) - red.min(green).min(blue);
        LUMA.contains(&(cell.luma / 255.0)) && cell.variance < VARIANCE && range <= COLOR
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::uniform;
    use super::*;

    #[test]
    fn smooth_grey_is_a_bubble_and_glass_is_not() {
        let rough = Cell { variance: 40.0, ..uniform([220; 3]) };
        let cells = [uniform([220, 222, 215]), rough, uniform([245; 3]), uniform([240, 200, 225])];
        assert_eq!(bubble_fraction(&cells), Some(0.25));
        assert_eq!(bubble_fraction(&[]), None);
    }
}
