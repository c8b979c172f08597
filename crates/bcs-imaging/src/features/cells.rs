//! Cells of 4×4 pixels: their mean colour, without noise.

use super::window::luma;

/// Side of a cell in pixels: 1 µm at 0.25 µm/px, much less than a nucleus.
const SIDE: usize = 4;

/// A cell.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    /// Mean red, green and blue.
    pub(super) color: [u8; 3],
    /// Mean luma, in [0, 255].
    pub(super) luma: f32,
    /// Variance of the luma over the pixels, in grey levels squared.
    pub(super) variance: f32,
}

/// Returns the cells of a window that are complete, row by row. `rows` are RGB bytes.
pub(super) fn cells(rows: &[&[u8]]) -> Vec<Cell> {
    let across = rows[0].len() / 3 / SIDE;
    let mut cells = Vec::with_capacity(across * rows.len() / SIDE);
    for band in rows.chunks_exact(SIDE) {
        cells.extend((0..across).map(|at| {
            let (mut sums, mut lumas, mut squares) = ([0_u32; 3], 0, 0);
            for row in band {
                for pixel in row[3 * SIDE * at..][..3 * SIDE].as_chunks::<3>().0 {
                    let value = u32::from(luma(*pixel));
                    lumas += value;
                    squares += value * value;
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
            let count = (SIDE * SIDE) as f32;
            let mean = lumas as f32 / count;
            Cell {
                color: sums.map(|sum| ((sum + 8) / (SIDE * SIDE) as u32) as u8),
                luma: mean,
                variance: (squares as f32 / count - mean * mean).max(0.0),
            }
        }));
    }
    cells
}

/// Fraction of the cells of which something holds, in [0, 1]; `None` without cells.
pub(super) fn fraction(cells: &[Cell], holds: impl Fn(&Cell) -> bool) -> Option<f64> {
    let count = cells.iter().filter(|cell| holds(cell)).count();
    (!cells.is_empty()).then(|| count as f64 / cells.len() as f64)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A cell of one colour.
    pub(in super::super) fn uniform(color: [u8; 3]) -> Cell {
        Cell { color, luma: f32::from(luma(color)), variance: 0.0 }
    }

    #[test]
    fn a_cell_has_the_mean_and_variance_of_its_pixels() {
        let row: Vec<u8> = [[0; 3], [20; 3], [0; 3], [20; 3], [9; 3]].concat();
        let cells = cells(&[&row[..]; 6]);
        assert_eq!(cells.len(), 1);
        assert_eq!((cells[0].color, cells[0].luma, cells[0].variance), ([10; 3], 10.0, 100.0));
    }
}
