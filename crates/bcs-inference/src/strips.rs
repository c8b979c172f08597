//! Blending of overlapping windows in strips. Windows come row by row, so that a pixel row is final as soon as a window
//! begins below it: memory holds the rows of one window at the width of the image, whatever its height.

use bcs_imaging::windows::{BlendMode, Window, importance_map};

use crate::plan::Plan;
use crate::sliding_window::SlidingWindow;

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
    /// Creates an accumulator for an image whose windows lie as in `plan`.
    pub(crate) fn new(classes: usize, plan: Plan, window: &SlidingWindow) -> Self {
        // A single window needs no weights; with those of a Gaussian its logits would be rounded twice.
        let one = plan.starts().iter().all(|starts| starts.len() == 1);
        let mode = if one { BlendMode::Constant } else { window.mode };
        let importance = importance_map(plan.roi, mode, window.sigma_scale);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pixels_are_the_weighted_average_of_the_windows_on_them(
            size in prop::array::uniform2(1usize..40), roi in prop::array::uniform2(1usize..20),
            overlap in prop::array::uniform2(0.0f64..0.9),
        ) {
            let plan = Plan { size, roi, before: [0; 2], overlap };
            let window = SlidingWindow::default();
            let value = |at: usize, y: usize, x: usize| (at * 7 + y * 3 + x * 5) as f32 % 11.0;
            let (mut strips, mut rows) = (Strips::new(1, plan, &window), vec![Vec::new(); size[0]]);
            let windows = plan.windows();
            for (at, window) in windows.iter().enumerate() {
                let logits: Vec<f32> =
                    (0..roi[0] * roi[1]).map(|pixel| value(at, pixel / roi[1], pixel % roi[1])).collect();
                strips.add(*window, &logits, |y, row| rows[y] = row.to_vec());
            }
            strips.finish(|y, row| rows[y] = row.to_vec());

            let mode = if windows.len() == 1 { BlendMode::Constant } else { window.mode };
            let importance = importance_map(roi, mode, window.sigma_scale);
            for (y, row) in rows.iter().enumerate() {
                for (x, blended) in row.iter().enumerate() {
                    let (mut sum, mut weights) = (0.0, 0.0);
                    for (at, window) in windows.iter().enumerate() {
                        let (Some(y), Some(x)) = (y.checked_sub(window.y), x.checked_sub(window.x)) else { continue };
                        if y < roi[0] && x < roi[1] {
                            let weight = f64::from(importance[y * roi[1] + x]);
                            sum += weight * f64::from(value(at, y, x));
                            weights += weight;
                        }
                    }
                    prop_assert!((f64::from(*blended) - sum / weights).abs() < 1e-4);
                }
            }
        }
    }
}
