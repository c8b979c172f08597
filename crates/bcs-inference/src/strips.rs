//! Blending of overlapping windows in strips. Windows come row by row, so that a pixel row is final as soon as a window
//! begins below it: memory holds the rows of one window at the width of the image, whatever its height.

use bcs_imaging::windows::Window;

/// Weighted sums of the logits of windows, for the rows that are not final yet.
pub(crate) struct Strips {
    classes: usize,
    size: [usize; 2],
    roi: [usize; 2],
    importance: Vec<f32>,
    /// Number of rows that are final.
    done: usize,
    /// Sums `[rows, classes, width]`; row y of the image is at y modulo the number of rows.
    sums: Vec<f32>,
    /// Sums of the weights `[rows, width]`.
    weights: Vec<f32>,
}

impl Strips {
    /// Creates an accumulator for an image of this size (height, width) in windows of the size `roi`, whose pixels have
    /// the weights `importance`.
    pub(crate) fn new(classes: usize, size: [usize; 2], roi: [usize; 2], importance: Vec<f32>) -> Self {
        let rows = roi[0].min(size[0]);
        let (sums, weights) = (vec![0.0; rows * classes * size[1]], vec![0.0; rows * size[1]]);
        Self { classes, size, roi, importance, done: 0, sums, weights }
    }

    /// Adds a window's logits `[classes, rows, columns]`. Windows must come in the order of
    /// [`positions`](bcs_imaging::windows::positions). `visit` gets each row that becomes final, with its logits
    /// `[classes, width]`.
    pub(crate) fn add(&mut self, window: Window, logits: &[f32], visit: impl FnMut(usize, &[f32])) {
        self.finish_rows(window.y, visit);
        let [height, width] = self.size;
        let [rows, columns] = self.roi;
        let inside = columns.min(width - window.x);
        for y in 0..rows.min(height - window.y) {
            let importance = &self.importance[y * columns..][..inside];
            let row = self.slot(window.y + y);
            let weights = &mut self.weights[row * width + window.x..][..inside];
            for (sum, weight) in weights.iter_mut().zip(importance) {
                *sum += weight;
            }
            for class in 0..self.classes {
                let from = &logits[(class * rows + y) * columns..][..inside];
                let sums = &mut self.sums[(row * self.classes + class) * width + window.x..][..inside];
                for ((sum, value), weight) in sums.iter_mut().zip(from).zip(importance) {
                    *sum += value * weight;
                }
            }
        }
    }

    /// Visits the rows that are left, after the last window.
    pub(crate) fn finish(&mut self, visit: impl FnMut(usize, &[f32])) {
        self.finish_rows(self.size[0], visit);
    }

    /// Visits the rows above `end` and makes room for those below.
    fn finish_rows(&mut self, end: usize, mut visit: impl FnMut(usize, &[f32])) {
        let width = self.size[1];
        for y in self.done..end {
            let row = self.slot(y);
            let weights = &mut self.weights[row * width..][..width];
            let sums = &mut self.sums[row * self.classes * width..][..self.classes * width];
            for plane in sums.chunks_exact_mut(width) {
                for (value, weight) in plane.iter_mut().zip(&*weights) {
                    *value /= weight;
                }
            }
            visit(y, sums);
            sums.fill(0.0);
            weights.fill(0.0);
        }
        self.done = self.done.max(end);
    }

    fn slot(&self, y: usize) -> usize {
        y % self.roi[0].min(self.size[0])
    }
}
