//! Dice of many cases with an interval.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Areas;
use crate::sample::quantile;

/// Number of bootstrap samples.
const SAMPLES: usize = 2_000;

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

/// Measures Dice of one class over images, each with its case; `None` where the class is neither predicted nor present. An image
/// without a case is a case of its own.
pub fn quality<'a>(images: impl IntoIterator<Item = (Option<&'a str>, Areas)>, seed: u64) -> Option<Quality> {
    let mut known: BTreeMap<&str, Areas> = BTreeMap::new();
    let mut cases = Vec::new();
    for (case, areas) in images {
        match case {
            Some(case) => *known.entry(case).or_default() += areas,
            None => cases.push(areas),
        }
    }
    cases.extend(known.into_values());
    let dice = cases.iter().fold(Areas::default(), |sum, areas| sum + *areas).dice()?;
    let interval = (cases.len() > 1).then(|| bootstrap(&cases, seed)).flatten();
    Some(Quality { dice, interval, cases: cases.len() })
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
            let rights = (0..).map(|at| 40.0 + 10.0 * f64::from(at % 6));
            let each = cases.iter().zip(rights).map(|(case, right)| (Some(*case), areas(right)));
            quality(each.collect::<Vec<_>>().repeat(copies), 0).unwrap()
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
        let one = quality([(Some("a"), areas(50.0)), (Some("a"), areas(70.0))], 0).unwrap();
        assert_eq!(one, Quality { dice: 0.6, interval: None, cases: 1 });
        assert_eq!(quality([(None, Areas::default())], 0), None);
    }
}
