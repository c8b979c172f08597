//! The total variation distance of categories.

use super::binning::{counts, of_all};
use super::{Outcome, StatTest, permutation};
use crate::error::Error;
use crate::sample::Sample;

/// The total variation distance of the shares of each different value, in [0, 1], with the p-value of a permutation test.
#[derive(Debug, Clone, Copy)]
pub struct TotalVariation;

impl StatTest for TotalVariation {
    fn name(&self) -> &'static str {
        "TVD"
    }

    fn title(&self) -> &'static str {
        "Total variation distance"
    }

    fn explanation(&self) -> &'static str {
        "The total variation distance is half the sum of the differences between the shares of each value: 0 if they are equal, \
         1 if no value occurs on both sides. The values must be categories."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let counts = counts(reference, current);
        let totals: Vec<usize> = counts.iter().map(|[a, b]| a + b).collect();
        let sizes = [reference.values().len(), current.values().len()];
        // Category of each position: values of a category are the same, so that their order has no meaning.
        let side =
            |at: usize| counts.iter().enumerate().flat_map(move |(value, count)| vec![value; count[at]]);
        let categories: Vec<usize> = side(0).chain(side(1)).collect();
        let distance_of = |positions: &[usize]| {
            let mut current = vec![0; totals.len()];
            positions.iter().for_each(|position| current[categories[*position]] += 1);
            let shares = current.iter().zip(&totals).map(|(current, total)| {
                ((total - current) as f64 / sizes[0] as f64 - *current as f64 / sizes[1] as f64).abs()
            });
            shares.sum::<f64>() / 2.0
        };
        let shares = of_all(reference, current, counts.clone());
        let statistic = shares.into_iter().map(|[a, b]| (a - b).abs()).sum::<f64>() / 2.0;
        let p_value = permutation::p_value(sizes, statistic, distance_of);
        Ok(Outcome { statistic, p_value: Some(p_value) })
    }
}
