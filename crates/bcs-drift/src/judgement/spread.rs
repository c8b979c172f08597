//! Spread of the images of a case: a minority that differs hardly moves the mean of a case, but widens its spread.

use super::units::Units;

/// Distance of the quartiles from the median of a normal distribution, in standard deviations.
const QUARTILE: f64 = 0.674_490;

/// Number of images of a case from which they are compared with each other.
const MIN_CASE: usize = 5;

/// Returns the spread of each unit of both sides, ln(1 + v/s²), where v is the mean squared difference of its images from
/// their median, and s the standard deviation that follows from the quartiles of all such differences: about ln 2 where no
/// image is unusual. s comes from both sides together, and as many images of each case are used on both sides, so that
/// without drift the units are exchangeable. If these are less than 5 images, they are compared with the median of all images.
pub(super) fn spreads(sides: [(&[Option<f64>], &Units); 2]) -> [Vec<Option<f64>>; 2] {
    let grouped = sides.map(|(column, units)| units.values(column).collect::<Vec<_>>());
    let used = grouped.each_ref().map(|units| typical_size(units)).into_iter().min().unwrap_or(0);
    let grouped = grouped.map(|units| units.into_iter().map(|unit| sampled(unit, used)).collect::<Vec<_>>());
    let centre = median(grouped.iter().flatten().flatten().copied().collect());
    let differences = grouped.map(|units| {
        let from = |unit: Vec<f64>| {
            let centre = if used >= MIN_CASE { median(unit.clone()) } else { centre };
            unit.into_iter().map(|value| value - centre).collect::<Vec<_>>()
        };
        units.into_iter().map(from).collect::<Vec<_>>()
    });
    let distances = differences.iter().flatten().flatten().map(|value| value.abs()).collect();
    let variance = (median(distances) / QUARTILE).powi(2).max(f64::MIN_POSITIVE);
    let spread = |unit: &Vec<f64>| {
        let squares = unit.iter().map(|value| value * value).sum::<f64>();
        (!unit.is_empty()).then(|| (squares / unit.len() as f64 / variance).ln_1p())
    };
    differences.map(|units| units.iter().map(spread).collect())
}

/// Median number of images of the units that have any.
fn typical_size(units: &[Vec<f64>]) -> usize {
    let mut sizes: Vec<usize> = units.iter().map(Vec::len).filter(|size| *size > 0).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

/// Returns `count` images of a unit at equal distances. A unit that has not half as many has no spread, one that has fewer
/// keeps its own.
fn sampled(unit: Vec<f64>, count: usize) -> Vec<f64> {
    match unit.len() {
        size if size * 2 < count => Vec::new(),
        size if size <= count => unit,
        size => (0..count).map(|at| unit[at * size / count]).collect(),
    }
}

/// Median of values in any order; 0 without values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    crate::sample::quantile(&values, 0.5).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bcs_contracts::FeatureTable;

    use super::*;

    #[test]
    fn an_unusual_image_widens_the_spread_of_its_case() {
        let cases = (0..30).map(|row| Some(format!("{}", row / 10))).collect();
        let units = Units::new(&FeatureTable { cases, ..FeatureTable::default() }, 1);
        let mut column: Vec<Option<f64>> =
            (0..30).map(|row| Some(f64::from(row % 10) + f64::from(row / 10) * 100.0)).collect();
        column[25] = Some(1000.0);
        let [spreads, _] = spreads([(&column, &units), (&column, &units)]);
        let [first, second, third] = spreads[..] else { panic!("{spreads:?}") };
        assert_eq!(first, second);
        assert!(third.unwrap() > first.unwrap() + 5.0, "{spreads:?}");
    }

    #[test]
    fn the_size_of_a_case_does_not_change_its_spread() {
        let side = |size: usize| {
            let cases = (0..12 * size).map(|row| Some(format!("{:02}", row / size))).collect();
            let units = Units::new(&FeatureTable { cases, ..FeatureTable::default() }, 1);
            let column: Vec<_> = (0..12 * size).map(|row| Some((row * 7919 % 1009) as f64)).collect();
            (units, column)
        };
        let ((few, few_values), (many, many_values)) = (side(6), side(100));
        let mean = |values: Vec<Option<f64>>| values.iter().flatten().sum::<f64>() / 12.0;
        let [few, many] = spreads([(&few_values, &few), (&many_values, &many)]).map(mean);
        assert!((few - many).abs() < 0.1, "{few} {many}");
        assert!(sampled(vec![1.0], 6).is_empty());
    }
}
