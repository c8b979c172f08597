//! How unusual one image is against the images a model was trained on.

use bcs_contracts::{DriftReference, Features};

use crate::sample::quantile;

/// The usual values of a feature: this central share of the reference.
const CENTRAL_SHARE: f64 = 0.99;

/// The share, in [0, 1], of an image's features that lie outside the central 99 % of the reference (between the
/// 0.5 % and the 99.5 % quantile, ends included). About 0.01 for an image like those of the reference.
///
/// Counted are the features that both have; `None` if there are none. A NaN counts as outside.
pub fn score(reference: &DriftReference, features: &Features) -> Option<f64> {
    let (mut common, mut outside) = (0_usize, 0_usize);
    for (name, value) in features {
        let mut values: Vec<f64> = reference.image.values(name).chain(reference.model.values(name)).collect();
        values.sort_unstable_by(f64::total_cmp);
        if let Some((low, high)) = usual(&values) {
            common += 1;
            outside += usize::from(!(low..=high).contains(value));
        }
    }
    (common > 0).then(|| outside as f64 / common as f64)
}

/// The ends of the central share of ascending values.
fn usual(ascending: &[f64]) -> Option<(f64, f64)> {
    let tail = (1.0 - CENTRAL_SHARE) / 2.0;
    Some((quantile(ascending, tail)?, quantile(ascending, 1.0 - tail)?))
}

#[cfg(test)]
mod tests {
    use bcs_contracts::FeatureTable;

    use super::*;
    use crate::reference;

    fn image(values: &[(&str, f64)]) -> Features {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    /// `a` and `b` over 0, 0.001, …, 1.
    fn reference() -> DriftReference {
        let mut table = FeatureTable::default();
        for x in (0..=1000).map(|i| f64::from(i) / 1000.0) {
            table.push(None, &image(&[("a", x), ("b", x)]));
        }
        reference::build("", table, FeatureTable::default()).unwrap()
    }

    #[test]
    fn the_score_is_the_share_of_unusual_features() {
        let score_of = |a, b| score(&reference(), &image(&[("a", a), ("b", b)]));
        assert_eq!(score_of(0.5, 0.5), Some(0.0));
        assert_eq!(score_of(0.004, 0.5), Some(0.5));
        assert_eq!(score_of(0.006, 0.994), Some(0.0));
        assert_eq!(score_of(-3.0, 0.996), Some(1.0));
        assert_eq!(score_of(f64::NAN, 0.5), Some(0.5));
    }

    #[test]
    fn only_common_features_count() {
        assert_eq!(score(&reference(), &image(&[("a", 7.0), ("unknown", 0.5)])), Some(1.0));
        assert_eq!(score(&reference(), &image(&[("unknown", 0.5)])), None);
        assert_eq!(score(&reference(), &Features::new()), None);
    }
}
