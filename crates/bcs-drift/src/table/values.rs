//! The values of one feature by row.

/// Values of a feature, one per row, of which some may be missing.
#[derive(Debug, Clone, Default)]
pub struct Values(
    /// Finite values, or NaN where missing: half of what `Option<f64>` takes.
    Vec<f64>,
);

impl Values {
    /// Takes over finite values, with NaN where a row has none.
    pub fn from_vec(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// Returns the value of a row.
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).copied().filter(|value| !value.is_nan())
    }

    /// Returns the value of each row.
    pub fn iter(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        self.0.iter().map(|value| (!value.is_nan()).then_some(*value))
    }

    /// Returns the values that are not missing, in the order of the rows.
    pub fn present(&self) -> Vec<f64> {
        let mut present = Vec::with_capacity(self.0.len());
        present.extend(self.0.iter().filter(|value| !value.is_nan()));
        present
    }
}

impl FromIterator<Option<f64>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(values: I) -> Self {
        Self(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
