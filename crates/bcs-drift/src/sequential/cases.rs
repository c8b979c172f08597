//! Means of the images of a case.

use std::collections::BTreeMap;

use crate::table::{Part, Values};

/// Returns the cases of a table in the order in which they appear, with the mean of each feature that a case has.
pub(super) fn means(part: &Part) -> Vec<(&str, BTreeMap<&str, f64>)> {
    let mut cases: Vec<_> = part.cases.names().map(|name| (name, BTreeMap::new())).collect();
    for (feature, values) in &part.features {
        for ((_, features), mean) in cases.iter_mut().zip(of_feature(part, values)) {
            if let Some(mean) = mean {
                features.insert(feature.as_str(), mean);
            }
        }
    }
    cases
}

/// Mean of each case, in the order of the names.
fn of_feature(part: &Part, values: &Values) -> impl Iterator<Item = Option<f64>> {
    let mut sums = vec![(0.0, 0.0); part.cases.names().len()];
    for (case, value) in part.cases.positions().zip(values.iter()) {
        if let (Some(case), Some(value)) = (case, value) {
            let (sum, count) = &mut sums[case];
            *sum += value;
            *count += 1.0;
        }
    }
    sums.into_iter().map(|(sum, count)| (count > 0.0).then(|| sum / count))
}
