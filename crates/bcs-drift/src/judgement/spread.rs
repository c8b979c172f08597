//! Spread of the images of a case: a minority that differs hardly moves the mean of a case, but widens its spread.

use super::units::Grouped;

/// Distance of the quartiles from the median of a normal distribution, in standard deviations.
const QUARTILE: f64 = 0.674_490;

/// Number of images of a case from which they are compared with each other.
const MIN_CASE: usize = 5;

/// Returns the spread of each unit of both sides, ln(1 + v/s²), where v is the mean squared difference of its images from
/// their median, and s the standard deviation that follows from the quartiles of all such differences: about ln 2 where no
/// image is unusual. s comes from both sides together, and as many images of each case are used on both sides, so that
/// without drift the units are exchangeable. If these are less than 5 images, they are compared with the median of all images.
/// s is at least `least`; `None` if it is 0, since more than half of the images are equal.
pub(super) fn spreads(sides: [Grouped; 2], least: f64) -> Option<[Vec<Option<f64>>; 2]> {
    let used = sides.each_ref().map(typical_size).into_iter().min().unwrap_or(0);
    let mut sides = sides.map(|side| sampled(side, used));
    let all = |sides: &[Grouped; 2]| sides.iter().flat_map(|side| &side.values).copied().collect::<Vec<_>>();
    let centre = (used < MIN_CASE).then(|| median(&mut all(&sides)));
    let mut copy = Vec::new();
    for side in &mut sides {
        side.each_unit(|values| {
            copy.clear();
            copy.extend_from_slice(values);
            let centre = centre.unwrap_or_else(|| median(&mut copy));
            values.iter_mut().for_each(|value| *value -= centre);
        });
    }
    let mut distances = all(&sides);
    distances.iter_mut().for_each(|value| *value = value.abs());
    let variance = (median(&mut distances) / QUARTILE).max(least).powi(2);
    if variance == 0.0 {
        return None;
    }
    let spread = |unit: &[f64]| {
        let squares = unit.iter().map(|value| value * value).sum::<f64>();
        (!unit.is_empty()).then(|| (squares / unit.len() as f64 / variance).ln_1p())
    };
    Some(sides.map(|side| side.units().map(spread).collect()))
}

/// Median number of images of the units that have any.
fn typical_size(side: &Grouped) -> usize {
    let mut sizes: Vec<usize> = side.units().map(<[f64]>::len).filter(|size| *size > 0).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

/// Keeps `count` images of each unit at equal distances. A unit that has not half as many has no spread, one that has fewer
/// keeps its own.
fn sampled(side: Grouped, count: usize) -> Grouped {
    if side.units().all(|unit| unit.len() <= count && unit.len() * 2 >= count) {
        return side;
    }
    let mut kept = Grouped::default();
    for unit in side.units() {
        match unit.len() {
            size if size * 2 < count => kept.push([]),
            size if size <= count => kept.push(unit.iter().copied()),
            size => kept.push((0..count).map(|at| unit[at * size / count])),
        }
    }
    kept
}

/// Median of values, which it reorders; 0 without values.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let lower = (values.len() - 1) / 2;
    let is_even = values.len().is_multiple_of(2);
    let (_, below, above) = values.select_nth_unstable_by(lower, f64::total_cmp);
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(above) if is_even => *below * 0.5 + above * 0.5,
        _ => *below,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of units of this size each.
    fn grouped(values: &[f64], size: usize) -> Grouped {
        let mut grouped = Grouped::default();
        values.chunks(size).for_each(|unit| grouped.push(unit.iter().copied()));
        grouped
    }

    #[test]
    fn an_unusual_image_widens_the_spread_of_its_case() {
        let mut values: Vec<f64> =
            (0..30).map(|row| f64::from(row % 10) + f64::from(row / 10) * 100.0).collect();
        values[25] = 1000.0;
        let side = grouped(&values, 10);
        let [spreads, _] = spreads([side.clone(), side], 0.0).unwrap();
        let [first, second, third] = spreads[..] else { panic!("{spreads:?}") };
        assert_eq!(first, second);
        assert!(third.unwrap() > first.unwrap() + 5.0, "{spreads:?}");
    }

    #[test]
    fn the_size_of_a_case_does_not_change_its_spread() {
        let side = |size: usize| {
            let values: Vec<f64> = (0..12 * size).map(|row| (row * 7919 % 1009) as f64).collect();
            grouped(&values, size)
        };
        let mean = |values: Vec<Option<f64>>| values.iter().flatten().sum::<f64>() / 12.0;
        let [few, many] = spreads([side(6), side(100)], 0.0).unwrap().map(mean);
        assert!((few - many).abs() < 0.1, "{few} {many}");
        assert!(sampled(grouped(&[1.0], 1), 6).values.is_empty());
    }

    #[test]
    fn images_that_are_mostly_equal_have_no_spread_but_by_a_least_deviation() {
        let values: Vec<f64> = (0..60).map(|row| if row % 10 == 0 { 0.3 } else { 0.0 }).collect();
        let sides = || [grouped(&values, 10), grouped(&values, 10)];
        assert_eq!(spreads(sides(), 0.0), None);
        let [found, _] = spreads(sides(), 0.1).unwrap();
        assert!(found.iter().all(|spread| (spread.unwrap() - 1.9_f64.ln()).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn medians_match_numpy() {
        for (mut values, expected) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![4.0, 1.0], 2.5),
            (vec![9.0, 1.0, 2.0], 2.0),
            (vec![4.0, 8.0, 1.0, 2.0], 3.0),
        ] {
            assert_eq!(median(&mut values), expected);
        }
    }
}
