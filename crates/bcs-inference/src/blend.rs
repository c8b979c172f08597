//! Weighted average of the logits of overlapping windows.

use bcs_imaging::windows::{BlendMode, Window, importance_map};
use rayon::prelude::*;

use crate::logits::Logits;
use crate::plan::Plan;

/// Least number of rows that a thread takes at a time.
const ROWS: usize = 16;

/// Weighted sums of the logits of one image. The sums of the weights follow from the positions of the windows, so they
/// are computed at the end, row by row, and take no memory.
pub(crate) struct Blend {
    logits: Logits,
    plan: Plan,
    importance: Vec<f32>,
}

impl Blend {
    pub(crate) fn new(classes: usize, plan: Plan, mode: BlendMode, sigma_scale: [f64; 2]) -> Self {
        // A single window needs no weights; with those of a Gaussian its logits would be rounded twice.
        let one = plan.starts().iter().all(|starts| starts.len() == 1);
        let mode = if one { BlendMode::Constant } else { mode };
        Self {
            logits: Logits::zeros(classes, plan.size),
            plan,
            importance: importance_map(plan.roi, mode, sigma_scale),
        }
    }

    /// Adds the logits `[classes, rows, columns]` of windows. The sums are the same however the windows are batched.
    pub(crate) fn add(&mut self, windows: &[(Window, &[f32])]) {
        let Self { plan, importance, logits } = self;
        let rows = windows.iter().map(|(window, _)| plan.covered(0, window.y));
        let Some(touched) = rows.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)) else { return };
        let top = touched.start;
        logits.rows_mut(touched).into_par_iter().with_min_len(ROWS).enumerate().for_each(
            |(row, mut sums)| {
                for (window, values) in windows {
                    if let Some(y) = plan.row_of(top + row, window.y) {
                        add_row(&mut sums, plan, *window, y, importance, values);
                    }
                }
            },
        );
    }

    /// Returns the weighted averages.
    pub(crate) fn finish(mut self) -> Logits {
        let Self { plan, importance, logits } = &mut self;
        let [row_starts, column_starts] = plan.starts();
        let [height, width] = plan.size;
        let rows = logits.rows_mut(0..height).into_par_iter().with_min_len(ROWS).enumerate();
        rows.for_each_init(
            || vec![0.0; width],
            |weights, (y, sums)| {
                weights.fill(0.0);
                for row in row_starts.iter().filter_map(|start| plan.row_of(y, *start)) {
                    for start in &column_starts {
                        let (inside, from) = (plan.covered(1, *start), plan.first(1, *start));
                        let importance = &importance[row * plan.roi[1] + from..][..inside.len()];
                        for (sum, weight) in weights[inside].iter_mut().zip(importance) {
                            *sum += weight;
                        }
                    }
                }
                for sums in sums {
                    for (sum, weight) in sums.iter_mut().zip(&*weights) {
                        *sum /= weight;
                    }
                }
            },
        );
        self.logits
    }
}

/// Adds row `y` of a window to a row of the image, in all classes.
fn add_row(
    sums: &mut [&mut [f32]],
    plan: &Plan,
    window: Window,
    y: usize,
    importance: &[f32],
    values: &[f32],
) {
    let [rows, columns] = plan.roi;
    let (inside, from) = (plan.covered(1, window.x), plan.first(1, window.x));
    let importance = &importance[y * columns + from..][..inside.len()];
    for (class, sums) in sums.iter_mut().enumerate() {
        let values = &values[(class * rows + y) * columns + from..][..inside.len()];
        for ((sum, value), weight) in sums[inside.clone()].iter_mut().zip(values).zip(importance) {
            *sum += value * weight;
        }
    }
}
