//! Means of the images of a case.

use std::collections::{BTreeMap, HashMap};

use bcs_contracts::FeatureTable;

/// Returns the cases of a table in the order in which they appear, with the mean of each feature that a case has.
pub(super) fn means(table: &FeatureTable) -> Vec<(&str, BTreeMap<&str, f64>)> {
    let mut position: HashMap<&str, usize> = HashMap::new();
    let mut cases: Vec<(&str, Vec<usize>)> = Vec::new();
    for (row, case) in table.cases.iter().enumerate() {
        let Some(case) = case else { continue };
        let at = *position.entry(case).or_insert_with(|| {
            cases.push((case, Vec::new()));
            cases.len() - 1
        });
        cases[at].1.push(row);
    }
    let mean = |values: &[Option<f64>], rows: &[usize]| {
        let (sum, count) = rows
            .iter()
            .filter_map(|row| values[*row])
            .fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let features = |rows: &[usize]| {
        let means = table.features.iter().map(|(name, values)| (name.as_str(), mean(values, rows)));
        means.filter_map(|(name, mean)| mean.map(|mean| (name, mean))).collect()
    };
    cases.iter().map(|(case, rows)| (*case, features(rows))).collect()
}
