//! Cells of 4×4 pixels: their mean colour, without noise.

use super::plane::Plane;

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
pub(super) fn cells(rows: &[&[u8]], luma: &Plane) -> Vec<Cell> {
    let across = luma.width / SIDE;
    let mut cells = Vec::with_capacity(across * rows.len() / SIDE);
    for (band, luma) in rows.chunks_exact(SIDE).zip(luma.values.chunks_exact(SIDE * luma.width)) {
        let mut sums = vec![Sums::default(); across];
        for (row, luma) in band.iter().zip(luma.chunks_exact(luma.len() / SIDE)) {
            let pixels = row.as_chunks::<{ 3 * SIDE }>().0.iter().zip(luma.as_chunks::<SIDE>().0);
            for (sums, (colors, lumas)) in sums.iter_mut().zip(pixels) {
                sums.add(colors, lumas);
            }
        }
        cells.extend(sums.iter().map(Sums::cell));
    }
    cells
}

/// Sums over the pixels of a cell.
#[derive(Clone, Copy, Default)]
struct Sums {
    color: [u32; 3],
    luma: u32,
    squares: u32,
}

impl Sums {
    #[inline]
    fn add(&mut self, colors: &[u8; 3 * SIDE], lumas: &[u8; SIDE]) {
        for channel in 0..3 {
            self.color[channel] += (0..SIDE).map(|at| u32::from(colors[3 * at + channel])).sum::<u32>();
        }
        for luma in lumas.map(u32::from) {
            self.luma += luma;
            self.squares += luma * luma;
        }
    }

    fn cell(&self) -> Cell {
        let count = (SIDE * SIDE) as f32;
        let luma = self.luma as f32 / count;
        Cell {
            color: self.color.map(|sum| ((sum + 8) / (SIDE * SIDE) as u32) as u8),
            luma,
            variance: (self.squares as f32 / count - luma * luma).max(0.0),
        }
    }
}

/// Fraction of the cells of which something holds, in [0, 1]; `None` without cells.
pub(super) fn fraction(cells: &[Cell], holds: impl Fn(&Cell) -> bool) -> Option<f64> {
    let count = cells.iter().filter(|cell| holds(cell)).count();
    (!cells.is_empty()).then(|| count as f64 / cells.len() as f64)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::window::luma;
    use super::*;

    /// A cell of one colour.
    pub(in super::super) fn uniform(color: [u8; 3]) -> Cell {
        Cell { color, luma: f32::from(luma(color)), variance: 0.0 }
    }

    #[test]
    fn a_cell_has_the_mean_and_variance_of_its_pixels() {
        let row: Vec<u8> = [[0; 3], [20; 3], [0; 3], [20; 3], [9; 3]].concat();
        let luma = Plane { width: 5, values: row.iter().step_by(3).copied().collect::<Vec<_>>().repeat(6) };
        let cells = cells(&[&row[..]; 6], &luma);
        assert_eq!(cells.len(), 1);
        assert_eq!((cells[0].color, cells[0].luma, cells[0].variance), ([10; 3], 10.0, 100.0));
    }
}
