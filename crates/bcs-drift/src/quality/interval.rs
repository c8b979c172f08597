//! Dice of many cases with an interval.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Areas;
use crate::sample::quantile;

/// Number of bootstrap samples.
const SAMPLES: usize = 2_000;

/// Largest number of units that are drawn: more cases are put together at random, which leaves the interval as it is.
const MOST_UNITS: usize = 1_000;

/// Dice of one class over many images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Dice of the areas of all images together, in [0, 1].
    pub dice: f64,
    /// 95 % interval by a bootstrap of cases (percentiles); `None` for a single case, which tells nothing about others.
    pub interval: Option<[f64; 2]>,
    /// Number of cases.
    pub cases: usize,
}

/// Areas of one class by case, in bounded memory.
#[derive(Debug, Clone, Default)]
pub struct CaseAreas {
    known: BTreeMap<String, Areas>,
    /// Images without a case, each a case of its own; up to [`MOST_UNITS`], then put together.
    unknown: Vec<Areas>,
    /// Number of images without a case.
    images: usize,
}

impl CaseAreas {
    /// Adds an image.
    pub fn add(&mut self, case: Option<&str>, areas: Areas) {
        if let Some(case) = case {
            match self.known.get_mut(case) {
                Some(sum) => *sum += areas,
                None => _ = self.known.insert(case.to_owned(), areas),
            }
            return;
        }
        put(&mut self.unknown, self.images, areas);
        self.images += 1;
    }

    /// Measures Dice; `None` where the class is neither predicted nor present.
    pub fn quality(&self, seed: u64) -> Option<Quality> {
        let mut units = Vec::new();
        self.known
            .values()
            .chain(&self.unknown)
            .enumerate()
            .for_each(|(at, areas)| put(&mut units, at, *areas));
        let dice = units.iter().fold(Areas::default(), |sum, areas| sum + *areas).dice()?;
        let interval = (units.len() > 1).then(|| bootstrap(&units, seed)).flatten();
        Some(Quality { dice, interval, cases: self.known.len() + self.images })
    }
}

/// Adds the areas of case number `at` to its unit.
fn put(units: &mut Vec<Areas>, at: usize, areas: Areas) {
    match units.get_mut(at % MOST_UNITS) {
        Some(sum) => *sum += areas,
        None => units.push(areas),
    }
}

/// Percentiles of Dice over cases drawn with replacement.
fn bootstrap(cases: &[Areas], seed: u64) -> Option<[f64; 2]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn: Vec<f64> = (0..SAMPLES)
        .filter_map(|_| {
            let sum = (0..cases.len())
                .fold(Areas::default(), |sum, _| sum + cases[random.random_range(0..cases.len())]);
            sum.dice()
        })
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    Some([quantile(&drawn, 0.025)?, quantile(&drawn, 0.975)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas(right: f64) -> Areas {
        Areas { predicted: 100.0, right, present: 100.0 }
    }

    #[test]
    fn images_of_a_case_are_drawn_together() {
        let cases = ["a", "b", "c", "d", "e", "f"];
        let images = |copies: usize| {
            let mut areas_of = CaseAreas::default();
            for _ in 0..copies {
                for (case, right) in cases.iter().zip((0..).map(|at| 40.0 + 10.0 * f64::from(at % 6))) {
                    areas_of.add(Some(case), areas(right));
                }
            }
            areas_of.quality(0).unwrap()
        };
        let (once, often) = (images(1), images(50));
        assert!((once.dice - 0.65).abs() < 1e-12 && once.cases == 6);
        // Fifty tiles of each case are no more cases.
        assert_eq!(once.interval, often.interval);
        let [low, high] = once.interval.unwrap();
        assert!(low > 0.48 && low < 0.58 && high > 0.72 && high < 0.82, "{low} {high}");
    }

    #[test]
    fn one_case_has_no_interval() {
        let mut one = CaseAreas::default();
        for right in [50.0, 70.0] {
            one.add(Some("a"), areas(right));
        }
        assert_eq!(one.quality(0), Some(Quality { dice: 0.6, interval: None, cases: 1 }));
        assert_eq!(CaseAreas::default().quality(0), None);
    }

    #[test]
    fn images_without_a_case_are_cases_of_their_own_in_bounded_memory() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut quality = |images: usize| {
            let mut areas_of = CaseAreas::default();
            (0..images).for_each(|_| areas_of.add(None, areas(random.random_range(0.0..100.0))));
            assert!(areas_of.unknown.len() <= MOST_UNITS);
            areas_of.quality(0).unwrap()
        };
        let (all, together) = (quality(MOST_UNITS), quality(10 * MOST_UNITS));
        assert_eq!(together.cases, 10 * MOST_UNITS);
        let width = |quality: Quality| quality.interval.map(|[low, high]| high - low).unwrap();
        // A tenth of the variance.
        assert!((width(all) / width(together) - 10f64.sqrt()).abs() < 0.6, "{all:?} {together:?}");
    }
}
