//! Novelty of one image with respect to a drift reference.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use bcs_contracts::{DriftReference, Features};

use crate::sample::quantile;

/// Central fraction of the reference values that counts as usual.
const CENTRAL_FRACTION: f64 = 0.99;

/// Scores how unusual an image is compared with a drift reference.
///
/// The usual range of each feature, from the 0.5 % to the 99.5 % quantile of the reference, is computed once, in
/// [`Novelty::new`]; scoring an image then costs one look-up per feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Novelty {
    usual: BTreeMap<String, RangeInclusive<f64>>,
}

impl Novelty {
    /// Computes the usual range of each feature in the reference, of the image as well as of the model.
    pub fn new(reference: &DriftReference) -> Self {
        let tables = [&reference.image, &reference.model];
        let names: BTreeSet<&String> = tables.iter().flat_map(|table| table.features.keys()).collect();
        let usual = names.into_iter().filter_map(|name| {
            let values = tables.iter().flat_map(|table| table.values(name)).collect();
            Some((name.clone(), usual_range(values)?))
        });
        Self { usual: usual.collect() }
    }

    /// Returns the fraction of the image's features that lie outside their usual range, in [0, 1]: about 0.01 for an
    /// image like those of the reference. The ends of a range belong to it; NaN lies outside.
    ///
    /// Only features that the reference has too are counted; `None` if there are none.
    pub fn score(&self, features: &Features) -> Option<f64> {
        let (mut common, mut outside) = (0_usize, 0_usize);
        for (name, value) in features {
            if let Some(range) = self.usual.get(name) {
                common += 1;
                outside += usize::from(!range.contains(value));
            }
        }
        (common > 0).then(|| outside as f64 / common as f64)
    }
}

/// Range that holds the central fraction of the values; `None` without values.
fn usual_range(mut values: Vec<f64>) -> Option<RangeInclusive<f64>> {
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CENTRAL_FRACTION) / 2.0;
    Some(quantile(&values, tail)?..=quantile(&values, 1.0 - tail)?)
}

#[cfg(test)]
mod tests {
    use bcs_contracts::FeatureTable;

    use super::*;
    use crate::reference;

    fn features(values: &[(&str, f64)]) -> Features {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    /// Image feature `a` and model feature `confidence`, both over 0, 0.001, …, 1.
    fn novelty() -> Novelty {
        let [image, model] = ["a", "confidence"].map(|name| {
            let mut table = FeatureTable::default();
            for x in (0..=1000).map(|i| f64::from(i) / 1000.0) {
                table.push(None, &features(&[(name, x)]));
            }
            table
        });
        Novelty::new(&reference::build("", image, model).unwrap())
    }

    #[test]
    fn score_is_the_fraction_of_features_outside_their_usual_range() {
        let score_of = |a, b| novelty().score(&features(&[("a", a), ("confidence", b)]));
        assert_eq!(score_of(0.5, 0.5), Some(0.0));
        assert_eq!(score_of(0.004, 0.5), Some(0.5));
        assert_eq!(score_of(0.006, 0.994), Some(0.0));
        assert_eq!(score_of(-3.0, 0.996), Some(1.0));
        assert_eq!(score_of(f64::NAN, 0.5), Some(0.5));
    }

    #[test]
    fn features_missing_from_the_reference_do_not_count() {
        let novelty = novelty();
        assert_eq!(novelty.score(&features(&[("a", 7.0), ("unknown", 0.5)])), Some(1.0));
        assert_eq!(novelty.score(&features(&[("unknown", 0.5)])), None);
        assert_eq!(novelty.score(&Features::new()), None);
    }
}
