//! Pen marks.

use super::cells::{Cell, fraction};
use crate::stain::density;

/// Least mean optical density of ink.
const LEAST_DENSITY: f32 = 0.15;

/// Optical density by which red or blue light exceeds green light in ink.
const EXCESS: f32 = 0.1;

/// Fraction of the window under ink, in [0, 1]; `None` without cells.
///
/// Haematoxylin and eosin absorb green light most, so that no mixture of them absorbs more red or more blue light. Blue,
/// green and black inks absorb more red, red and brown ones more blue light. HistoQC (Janowczyk et al., 2019) finds pen marks
/// by a classifier of colours instead.
pub(super) fn pen_fraction(cells: &[Cell]) -> Option<f64> {
    fraction(cells, |cell| {
        let [red, green, blue] = density(cell.color);
        red + green + blue > 3.0 * LEAST_DENSITY && red.max(blue) > green + EXCESS
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::uniform;
    use super::*;

    #[test]
    fn inks_are_told_from_stains() {
        let found = |color| pen_fraction(&[uniform(color)]).unwrap();
        for ink in [[30, 60, 160], [20, 120, 60], [200, 120, 20], [60, 110, 140]] {
            assert_eq!(found(ink), 1.0, "{ink:?}");
        }
        for stain in [[230, 130, 180], [90, 60, 140], [250, 250, 250], [190, 60, 90], [70, 40, 100]] {
            assert_eq!(found(stain), 0.0, "{stain:?}");
        }
    }
}
