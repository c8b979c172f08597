//! The values of one feature on one side: finite, sorted, at least one.

use crate::error::Error;

/// Finite values in ascending order, at least one: what every statistical test takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Checks and sorts the values of a feature.
    ///
    /// # Errors
    /// [`Error::EmptySample`] without values, [`Error::NotFinite`] with a NaN or an infinity; both name the feature.
    pub fn new(feature: &str, values: &[f64]) -> Result<Self, Error> {
        if values.is_empty() {
            return Err(Error::EmptySample { feature: feature.to_owned() });
        }
        for (index, value) in values.iter().enumerate() {
            require_finite(feature, index + 1, *value)?;
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self(sorted))
    }

    /// The values, ascending; never empty.
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// Passes finite numbers on; `row` counts from 1.
pub(crate) fn require_finite(feature: &str, row: usize, value: f64) -> Result<(), Error> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::NotFinite { feature: feature.to_owned(), row, value: value.to_string() })
}

/// The empirical quantile at `share` in [0, 1] of ascending values, linear between the neighbouring ranks
/// (`numpy.quantile`'s default). `None` without values.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let rank = share * last as f64;
    let below = (rank.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let weight = rank - below as f64;
    Some(ascending[below] * (1.0 - weight) + ascending[above] * weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_sorted() {
        let sample = Sample::new("x", &[3.0, -1.0, 2.0]).unwrap();
        assert_eq!(sample.values(), [-1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_is_no_number_is_named_by_feature_and_row() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = Sample::new("eosin_mean", &[1.0, bad]).unwrap_err().to_string();
            assert!(error.contains("'eosin_mean', row 2"), "{error}");
        }
        let error = Sample::new("eosin_mean", &[]).unwrap_err().to_string();
        assert!(error.contains("'eosin_mean' has no values"), "{error}");
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [1.0, 2.0, 4.0, 8.0];
        let expected = [(0.0, 1.0), (0.05, 1.15), (0.5, 3.0), (0.95, 7.4), (1.0, 8.0)];
        for (share, value) in expected {
            assert!((quantile(&values, share).unwrap() - value).abs() < 1e-12, "at {share}");
        }
        assert_eq!(quantile(&[7.0], 0.995), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
