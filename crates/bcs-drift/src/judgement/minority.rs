//! Shares of unusual images: a minority that differs does not move the mean of a case.

use super::units::Units;

/// Distance from the median beyond which an image is unusual, in distances of the quartile on the same side: for a normal
/// distribution, outside the 1 % and the 99 % quantile. Unlike those quantiles, quartiles stay where they are if a tenth of
/// the images differs.
const USUAL: f64 = 2.326_348 / 0.674_490;

/// Number of images of a case from which they are compared with the other images of the case.
const MIN_CASE: usize = 5;

/// Returns the share of unusual images of each unit of both sides, by their difference from the median of their case. The
/// limits come from both sides together, so that without drift the units are exchangeable. If most cases have less than 5
/// images, the values themselves are compared.
pub(super) fn shares(sides: [(&[Option<f64>], &Units); 2]) -> [Vec<Option<f64>>; 2] {
    let grouped = sides.map(|(column, units)| units.values(column).collect::<Vec<_>>());
    let mut sizes: Vec<usize> = grouped.iter().flatten().map(Vec::len).filter(|size| *size > 0).collect();
    sizes.sort_unstable();
    let within = sizes.get(sizes.len() / 2).is_some_and(|median| *median >= MIN_CASE);
    let compared = grouped.map(|units| {
        units.into_iter().map(|unit| if within { differences(unit) } else { unit }).collect::<Vec<_>>()
    });
    let mut all: Vec<f64> = compared.iter().flatten().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let quartiles = [0.25, 0.5, 0.75].map(|share| crate::sample::quantile(&all, share));
    let [Some(lower), Some(median), Some(upper)] = quartiles else {
        return compared.map(|units| vec![None; units.len()]);
    };
    let (low, high) = (median - USUAL * (median - lower), median + USUAL * (upper - median));
    let share = |unit: &Vec<f64>| {
        let unusual = unit.iter().filter(|value| !(low..=high).contains(*value)).count();
        (!unit.is_empty()).then(|| unusual as f64 / unit.len() as f64)
    };
    compared.map(|units| units.iter().map(share).collect())
}

/// Differences of values from their median.
fn differences(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let median = crate::sample::quantile(&values, 0.5).unwrap_or_default();
    values.into_iter().map(|value| value - median).collect()
}
