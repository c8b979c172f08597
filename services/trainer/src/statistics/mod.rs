//! Statistics of paired and clustered values.
//!
//! # Layout
//! - [`bootstrap`]: confidence intervals from resampled clusters
//! - [`sign_flip`]: permutation test of paired differences
//! - [`wilcoxon`]: signed-rank test of paired differences

pub(crate) mod bootstrap;
pub(crate) mod sign_flip;
pub(crate) mod wilcoxon;

#[cfg(test)]
mod golden {
    //! What scipy computes, written by `tests/golden/make_statistics.py`.

    use serde_json::Value;

    /// Cases of a section of the golden file.
    pub(super) fn cases(section: &str) -> Vec<Value> {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/statistics.json")).unwrap();
        golden[section].as_array().unwrap().clone()
    }

    /// Numbers of a list.
    pub(super) fn numbers(list: &Value) -> Vec<f64> {
        list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }
}
