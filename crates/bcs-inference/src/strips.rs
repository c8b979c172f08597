//! Blending of overlapping windows in strips. Windows come row by row, so that a pixel row is final as soon as a window
//! begins below it: memory holds the rows of one window at the width of the image, whatever its height.

use bcs_imaging::windows::Window;

use crate::plan::Plan;

/// Weighted sums of the logits of windows, for the rows that are not final yet.
pub(crate) struct Strips {
    classes: usize,
    plan: Plan,
    importance: Vec<f32>,
    /// Number of rows that are final.
    done: usize,
    /// Sums `[rows, classes, width]`; row y of the image is at y modulo the number of rows.
    sums: Vec<f32>,
    /// Sums of the weights `[rows, width]`.
    weights: Vec<f32>,
}

impl Strips {
    /// Creates an accumulator for an image whose windows lie as in `plan`, and whose pixels have the weights
    /// `importance`.
    pub(crate) fn new(classes: usize, plan: Plan, importance: Vec<f32>) -> Self {
        let (rows, width) = (plan.roi[0].min(plan.size[0]), plan.size[1]);
        let (sums, weights) = (vec![0.0; rows * classes * width], vec![0.0; rows * width]);
        Self { classes, plan, importance, done: 0, sums, weights }
    }

    /// Adds a window's logits `[classes, rows, columns]`. Windows must come in the order of [`Plan::windows`]. `visit`
    /// gets each row that becomes final, with its logits `[classes, width]`.
    pub(crate) fn add(&mut self, window: Window, logits: &[f32], visit: impl FnMut(usize, &[f32])) {
        let (plan, width) = (self.plan, self.plan.size[1]);
        let [rows, columns] = plan.roi;
        let covered = plan.covered(0, window.y);
        self.finish_rows(covered.start, visit);
        let (inside, from) = (plan.covered(1, window.x), plan.first(1, window.x));
        for (y, top) in covered.zip(plan.first(0, window.y)..) {
            let importance = &self.importance[top * columns + from..][..inside.len()];
            let row = self.slot(y);
            let weights = &mut self.weights[row * width + inside.start..][..inside.len()];
            for (sum, weight) in weights.iter_mut().zip(importance) {
                *sum += weight;
            }
            for class in 0..self.classes {
                let values = &logits[(class * rows + top) * columns + from..][..inside.len()];
                let start = (row * self.classes + class) * width + inside.start;
                let sums = &mut self.sums[start..][..inside.len()];
                for ((sum, value), weight) in sums.iter_mut().zip(values).zip(importance) {
                    *sum += value * weight;
                }
            }
        }
    }

    /// Visits the rows that are left, after the last window.
    pub(crate) fn finish(&mut self, visit: impl FnMut(usize, &[f32])) {
        self.finish_rows(self.plan.size[0], visit);
    }

    /// Visits the rows above `end` and makes room for those below.
    fn finish_rows(&mut self, end: usize, mut visit: impl FnMut(usize, &[f32])) {
        let width = self.plan.size[1];
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
        y % self.plan.roi[0].min(self.plan.size[0])
    }
}
