//! The two-sample Anderson-Darling test.

use super::binning::counts;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Standardized statistics between which the p-value is interpolated.
const RANGE: [f64; 2] = [0.325, 6.546];

/// P-values at these statistics, beyond which none is known.
const P_VALUES: [f64; 2] = [0.25, 0.001];

/// Coefficients of 1, x and x² in the least-squares parabola of ln p over the critical values of Scholz and Stephens (1987, table
/// 2) for two samples, as scipy fits it.
const LN_P: [f64; 3] = [-1.077_770_279_820_484, -1.008_226_564_465_251_5, 0.018_198_094_574_111_47];

/// The two-sample Anderson-Darling test with mid-ranks (`scipy.stats.anderson_ksamp`; F. W. Scholz and M. A. Stephens, "K-sample
/// Anderson–Darling tests", JASA 82, 1987). Its p-value lies in [0.001, 0.25].
#[derive(Debug, Clone, Copy)]
pub struct AndersonDarling;

impl StatTest for AndersonDarling {
    fn name(&self) -> &'static str {
        "anderson"
    }

    fn title(&self) -> &'static str {
        "Anderson-Darling statistic"
    }

    fn explanation(&self) -> &'static str {
        "The Anderson–Darling statistic is the squared difference of the cumulative distributions, weighted so that the tails \
         count, in standard deviations from its mean without drift. Its p-value lies between 0.001 and 0.25."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let counts = counts(reference, current);
        let sizes = [reference, current].map(|sample| sample.values().len() as f64);
        if sizes[0] + sizes[1] < 4.0 {
            return Err(self.unsuitable("it needs at least 4 values in all"));
        }
        if counts.len() < 2 {
            return Err(self.unsuitable("it needs different values, and all are equal"));
        }
        let statistic = (squared(&counts, sizes) - 1.0) / variance(sizes).sqrt();
        let p_value = match statistic {
            _ if statistic < RANGE[0] => P_VALUES[0],
            _ if statistic > RANGE[1] => P_VALUES[1],
            _ => (LN_P[0] + statistic * (LN_P[1] + statistic * LN_P[2])).exp(),
        };
        Ok(Outcome { statistic, p_value: Some(p_value) })
    }
}

/// The statistic A²ₐ of equation 7 of Scholz and Stephens.
fn squared(counts: &[[usize; 2]], sizes: [f64; 2]) -> f64 {
    let all = sizes[0] + sizes[1];
    let (mut before, mut sum) = ([0.0; 2], 0.0);
    for count in counts {
        let count = count.map(|count| count as f64);
        let tied = count[0] + count[1];
        let middle = before[0] + before[1] + tied / 2.0;
        let weight = tied / all / (middle * (all - middle) - all * tied / 4.0);
        for side in [0, 1] {
            let own = before[side] + count[side] / 2.0;
            sum += weight * (all * own - middle * sizes[side]).powi(2) / sizes[side];
            before[side] += count[side];
        }
    }
    sum * (all - 1.0) / all
}

/// Variance of the statistic for two samples (Scholz and Stephens, equation 4).
fn variance(sizes: [f64; 2]) -> f64 {
    let all = sizes[0] + sizes[1];
    let reciprocals = 1.0 / sizes[0] + 1.0 / sizes[1];
    // Σ 1/i for i < all, and Σ 1/((all − i) j) for i < j < all.
    let (mut harmonic, mut double) = (0.0, 0.0);
    for i in 1..(all as u64 - 1) {
        harmonic += 1.0 / (all - i as f64);
        double += harmonic / (i as f64 + 1.0);
    }
    let (h, g) = (harmonic + 1.0, double);
    let a = 4.0 * g - 6.0 + (10.0 - 6.0 * g) * reciprocals;
    let b = 8.0 * g - 16.0 + 16.0 * h + (2.0 * g - 14.0 * h - 4.0) * reciprocals - 8.0 * h + 4.0 * g - 6.0;
    let c = 24.0 * h + 8.0 * g - 8.0 + 8.0 * h - 8.0 * g + 12.0 + (2.0 * h - 6.0) * reciprocals + 4.0 * h;
    let d = 8.0 * h + 24.0 - 8.0 * h;
    (a * all.powi(3) + b * all.powi(2) + c * all + d) / ((all - 1.0) * (all - 2.0) * (all - 3.0))
}
