//! Dark spots: dirt, pigment, dense ink.

use super::cells::{Cell, fraction};

/// Luma / 255 below which a cell is dark, as in HistoQC's `LightDarkModule` (Janowczyk et al., 2019).
const LUMA: f32 = 0.15;

/// Fraction of the window under dark spots, in [0, 1]; `None` without cells.
pub(super) fn dark_fraction(cells: &[Cell]) -> Option<f64> {
    fraction(cells, |cell| cell.luma < LUMA * 255.0)
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::uniform;
    use super::*;

    #[test]
    fn spots_are_darker_than_nuclei() {
        assert_eq!(dark_fraction(&[uniform([20; 3]), uniform([70, 40, 100])]), Some(0.5));
    }
}
