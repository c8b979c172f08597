//! The values of one feature in the reference or in the current data.

use crate::error::Error;

/// Non-empty, finite values in ascending order: the input of the statistical tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Creates a sample from the values of a feature, in any order.
    ///
    /// # Errors
    /// [`Error::EmptySample`] without values; [`Error::NotFinite`] for NaN and infinities. Both name the feature.
    pub fn new(feature: &str, values: impl Into<Vec<f64>>) -> Result<Self, Error> {
        let mut values = values.into();
        if values.is_empty() {
            return Err(Error::EmptySample { feature: feature.to_owned() });
        }
        for (index, value) in values.iter().enumerate() {
            require_finite(feature, index + 1, *value)?;
        }
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// Returns the values in ascending order; at least one.
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// Returns an error that names feature and row (from 1) unless the value is finite.
pub(crate) fn require_finite(feature: &str, row: usize, value: f64) -> Result<(), Error> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::NotFinite { feature: feature.to_owned(), row, value: value.to_string() })
}

/// Empirical quantile at `probability`, in [0, 1], of ascending values, with linear interpolation (the default of
/// `numpy.quantile`). `None` without values.
pub fn quantile(ascending: &[f64], probability: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let rank = probability * last as f64;
    let below = (rank.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let weight = rank - below as f64;
    Some(ascending[below] * (1.0 - weight) + ascending[above] * weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_sorted() {
        let sample = Sample::new("x", [3.0, -1.0, 2.0]).unwrap();
        assert_eq!(sample.values(), [-1.0, 2.0, 3.0]);
    }

    #[test]
    fn non_finite_values_are_errors_that_name_feature_and_row() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = Sample::new("eosin_mean", [1.0, bad]).unwrap_err().to_string();
            assert!(error.contains("'eosin_mean', row 2"), "{error}");
        }
        let error = Sample::new("eosin_mean", []).unwrap_err().to_string();
        assert!(error.contains("'eosin_mean' has no values"), "{error}");
    }

    #[test]
    fn quantiles_match_numpy() {
        let values = [1.0, 2.0, 4.0, 8.0];
        let expected = [(0.0, 1.0), (0.05, 1.15), (0.5, 3.0), (0.95, 7.4), (1.0, 8.0)];
        for (share, value) in expected {
            assert!((quantile(&values, share).unwrap() - value).abs() < 1e-12, "at {share}");
        }
        assert_eq!(quantile(&[7.0], 0.995), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
