//! The maximum mean discrepancy.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::{Outcome, StatTest, permutation};
use crate::error::Error;
use crate::sample::Sample;

/// Number of values of a side from which as many are drawn, since time grows with its square.
const MAX_VALUES: usize = 500;

/// The squared maximum mean discrepancy with a Gaussian kernel, whose width is the median distance of the reference values, without
/// bias, with the p-value of a permutation test (A. Gretton et al., "A kernel two-sample test", JMLR 13, 2012). Of more than 500
/// values, 500 are drawn.
#[derive(Debug, Clone, Copy)]
pub struct MaximumMeanDiscrepancy;

impl StatTest for MaximumMeanDiscrepancy {
    fn name(&self) -> &'static str {
        "empirical_mmd"
    }

    fn title(&self) -> &'static str {
        "Maximum mean discrepancy"
    }

    fn explanation(&self) -> &'static str {
        "The maximum mean discrepancy compares how similar values of different sides are to each other with how similar values of \
         the same side are: about 0 without drift, and at most 2."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let [a, b] = [reference, current].map(|sample| drawn(sample.values()));
        let sizes = [a.len(), b.len()];
        if sizes[0].min(sizes[1]) < 2 {
            return Err(self.unsuitable("it needs at least 2 values on each side"));
        }
        let kernel = Kernel::new(&a, &b);
        let statistic = kernel.discrepancy(&(sizes[0]..sizes[0] + sizes[1]).collect::<Vec<_>>());
        let p_value = permutation::p_value(sizes, statistic, |current| kernel.discrepancy(current));
        Ok(Outcome { statistic, p_value: Some(p_value) })
    }
}

/// The values, or a random part of many.
fn drawn(values: &[f64]) -> Vec<f64> {
    if values.len() <= MAX_VALUES {
        return values.to_vec();
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    index::sample(&mut random, values.len(), MAX_VALUES).into_iter().map(|at| values[at]).collect()
}

/// Similarities of all pairs of different positions; 0 of a position with itself.
struct Kernel {
    rows: Vec<Vec<f64>>,
    /// Sum of each row.
    sums: Vec<f64>,
    total: f64,
}

impl Kernel {
    fn new(reference: &[f64], current: &[f64]) -> Self {
        let gamma = 1.0 / (2.0 * width(reference).powi(2));
        let all = [reference, current].concat();
        let row = |i: usize| {
            let similarity = |j: usize| if i == j { 0.0 } else { (-gamma * (all[i] - all[j]).powi(2)).exp() };
            (0..all.len()).map(similarity).collect::<Vec<f64>>()
        };
        let rows: Vec<_> = (0..all.len()).map(row).collect();
        let sums: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
        let total = sums.iter().sum();
        Self { rows, sums, total }
    }

    /// Squared discrepancy if the values at these positions are the current ones.
    fn discrepancy(&self, current: &[usize]) -> f64 {
        let (n, m) = (current.len() as f64, (self.rows.len() - current.len()) as f64);
        let within: f64 = current
            .iter()
            .map(|i| {
                let row = &self.rows[*i];
                current.iter().map(|j| row[*j]).sum::<f64>()
            })
            .sum();
        let across = current.iter().map(|i| self.sums[*i]).sum::<f64>() - within;
        let others = self.total - within - 2.0 * across;
        others / (m * (m - 1.0)) + within / (n * (n - 1.0)) - 2.0 * across / (m * n)
    }
}

/// Square root of half the median squared distance of all pairs, including each value with itself; that of a distance of 1 if it
/// is 0.
fn width(values: &[f64]) -> f64 {
    let mut squares: Vec<f64> =
        values.iter().flat_map(|a| values.iter().map(move |b| (a - b).powi(2))).collect();
    // numpy.percentile(50, method="nearest"), which rounds a half to the even position.
    let at = ((squares.len() - 1) as f64 * 0.5).round_ties_even() as usize;
    let (_, median, _) = squares.select_nth_unstable_by(at, f64::total_cmp);
    if *median == 0.0 { 0.5_f64.sqrt() } else { (0.5 * *median).sqrt() }
}
