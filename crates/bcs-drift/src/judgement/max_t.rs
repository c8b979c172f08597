//! P-values by permutation of the units of both sides: the step-down max-T procedure of Westfall and Young (1993).

use std::borrow::Cow;

use crate::arrangements::{Arrangements, DRAWN};

/// Relative difference below which two statistics count as equal, so that rounding breaks no ties.
const TIE: f64 = 1e-9;

/// Number of units of the smaller side from which units are merged.
const MAX_UNITS: usize = 1_000;

/// Values of all columns, one row per unit: the units of the larger side, then those of the smaller one, from which the other
/// follows in each arrangement. If both sides have very many units, groups of them stand for them, of the same size on both sides,
/// so that they can be permuted as well.
pub(super) struct Data {
    /// Values minus the mean of their column, 0 where missing.
    values: Vec<Vec<f64>>,
    /// 1 where there is a value, 0 where it is missing.
    present: Vec<Vec<f64>>,
    /// Number of values and sum of squares of each column.
    totals: Vec<(f64, f64)>,
    /// Whether only a larger current mean counts, for each column.
    increases_only: Vec<bool>,
    /// Number of units of the larger side.
    larger: usize,
    /// Whether the smaller side is the reference.
    reference_is_smaller: bool,
}

impl Data {
    /// Takes over columns with the values of the reference units and the current units.
    pub(super) fn new<'a>(
        columns: impl ExactSizeIterator<Item = (&'a [Option<f64>], &'a [Option<f64>])>,
    ) -> Self {
        let count = columns.len();
        let mut data = Self {
            values: Vec::new(),
            present: Vec::new(),
            totals: Vec::with_capacity(count),
            increases_only: vec![false; count],
            larger: 0,
            reference_is_smaller: false,
        };
        for (at, (reference, current)) in columns.enumerate() {
            data.reference_is_smaller = reference.len() < current.len();
            let sides = if data.reference_is_smaller { [current, reference] } else { [reference, current] };
            let size = (sides[1].len() / MAX_UNITS).max(1);
            let [larger, smaller] = sides.map(|side| merged(side, size));
            data.larger = larger.len();
            data.values.resize_with(larger.len() + smaller.len(), || vec![0.0; count]);
            data.present.resize_with(larger.len() + smaller.len(), || vec![0.0; count]);
            let all = || larger.iter().chain(&*smaller);
            let (number, sum) =
                all().flatten().fold((0.0, 0.0), |(number, sum), value| (number + 1.0, sum + value));
            let mean = sum / number;
            // Below this, differences from the mean are rounding errors of values that are all equal.
            let noise = mean.abs() * 1e-12;
            let mut squares = 0.0;
            for (unit, value) in all().enumerate() {
                if let Some(value) = value {
                    let centred = if (value - mean).abs() > noise { value - mean } else { 0.0 };
                    data.values[unit][at] = centred;
                    data.present[unit][at] = 1.0;
                    squares += centred * centred;
                }
            }
            data.totals.push((number, squares));
        }
        data
    }

    /// States for each column whether only a larger current mean counts.
    pub(super) fn counting_increases_only(mut self, columns: impl Iterator<Item = bool>) -> Self {
        self.increases_only = columns.collect();
        self
    }

    /// Arrangements of the units.
    fn arrangements(&self) -> Arrangements {
        Arrangements::new(self.larger, self.values.len() - self.larger)
    }

    /// Returns the smallest p-value that an observation can have: if both sides have the same size, each arrangement has a
    /// mirror image with the same statistic.
    pub(super) fn smallest_p_value(&self) -> f64 {
        let sides_are_equal = self.values.len() == 2 * self.larger;
        match self.arrangements().enumerated() {
            Some(count) => (if sides_are_equal { 2.0 } else { 1.0 }) / count as f64,
            None => 1.0 / (DRAWN + 1) as f64,
        }
    }

    /// Returns the t statistic of each column with the degrees of freedom, for an arrangement with these units on the smaller
    /// side.
    pub(super) fn statistics(&self, smaller: &[usize]) -> Vec<Statistic> {
        let count = self.totals.len();
        let (mut sums, mut numbers) = (vec![0.0; count], vec![0.0; count]);
        for unit in smaller {
            for (sum, value) in sums.iter_mut().zip(&self.values[*unit]) {
                *sum += value;
            }
            for (number, present) in numbers.iter_mut().zip(&self.present[*unit]) {
                *number += present;
            }
        }
        let columns = self.totals.iter().zip(&self.increases_only).zip(sums.iter().zip(&numbers));
        columns
            .map(|((total, increases_only), (sum, number))| match self.statistic(*total, *sum, *number) {
                statistic if *increases_only && !statistic.is_increase => {
                    Statistic { square: 0.0, ..statistic }
                }
                statistic => statistic,
            })
            .collect()
    }

    /// Returns the t statistic of a column whose smaller side has this sum and number of values.
    fn statistic(&self, total: (f64, f64), sum: f64, number: f64) -> Statistic {
        // The sum of both sides is 0.
        if self.reference_is_smaller {
            Statistic::new(total, -sum, total.0 - number)
        } else {
            Statistic::new(total, sum, number)
        }
    }

    /// Returns the t statistic of each column as observed.
    pub(super) fn observed(&self) -> Vec<Statistic> {
        self.statistics(&(self.larger..self.values.len()).collect::<Vec<_>>())
    }

    /// Returns the signed t statistic and the adjusted p-value of each column.
    pub(super) fn p_values(&self, seed: u64) -> Vec<(Option<f64>, f64)> {
        let observed = self.observed();
        let mut order: Vec<usize> = (0..observed.len()).collect();
        order.sort_by(|a, b| observed[*a].square.total_cmp(&observed[*b].square));
        let mut reached = vec![0_u64; observed.len()];
        let count = self.arrangements().visit(DRAWN, seed, |smaller| {
            let statistics = self.statistics(smaller);
            // From the smallest observation up: the largest statistic among those that are not larger.
            let mut largest = 0.0_f64;
            for column in &order {
                largest = largest.max(statistics[*column].square);
                reached[*column] += u64::from(largest >= observed[*column].square * (1.0 - TIE));
            }
        });
        let mut p_values = vec![(None, 1.0); observed.len()];
        let mut largest = 0.0_f64;
        for column in order.into_iter().rev() {
            largest = largest.max(reached[column] as f64 / count as f64);
            p_values[column] = (observed[column].signed(), largest.min(1.0));
        }
        p_values
    }
}

/// Returns the means of groups of `size` units, each from all over the side.
fn merged(side: &[Option<f64>], size: usize) -> Cow<'_, [Option<f64>]> {
    if size == 1 {
        return Cow::Borrowed(side);
    }
    let count = side.len() / size;
    let mean = |group: usize| {
        let members = side.iter().skip(group).step_by(count).flatten();
        let (number, sum) = members.fold((0.0, 0.0), |(number, sum), value| (number + 1.0, sum + value));
        (number > 0.0).then(|| sum / number)
    };
    Cow::Owned((0..count).map(mean).collect())
}

/// Two-sample t statistic with pooled variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Statistic {
    /// Its square; infinite if only the means of the sides differ, 0 if nothing does.
    pub square: f64,
    /// Degrees of freedom.
    pub freedom: f64,
    /// Whether the current mean is the larger one.
    pub is_increase: bool,
}

impl Statistic {
    /// Computes the statistic from the number of values and sum of squares of both sides, which have mean 0 together, and
    /// from the sum and number of the current values.
    fn new((number, squares): (f64, f64), sum: f64, current: f64) -> Self {
        let reference = number - current;
        let freedom = number - 2.0;
        if current == 0.0 || reference == 0.0 || freedom <= 0.0 {
            return Self { square: 0.0, freedom, is_increase: false };
        }
        let between = sum * sum * number / (current * reference);
        // Rounding leaves a little of values that are all equal.
        let within = (squares - between).max(0.0);
        let square = match (between > squares * 1e-12, within > squares * 1e-12) {
            (false, _) => 0.0,
            (true, false) => f64::INFINITY,
            (true, true) => between / within * freedom,
        };
        Self { square, freedom, is_increase: sum > 0.0 }
    }

    /// Returns the statistic with its sign; `None` if it is infinite.
    pub(super) fn signed(&self) -> Option<f64> {
        let root = self.square.sqrt();
        root.is_finite().then_some(if self.is_increase { root } else { -root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(columns: &[(&[f64], &[f64])]) -> Data {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let columns: Vec<_> =
            columns.iter().map(|(reference, current)| (some(reference), some(current))).collect();
        Data::new(columns.iter().map(|(reference, current)| (&reference[..], &current[..])))
    }

    #[test]
    fn the_statistic_is_that_of_scipy() {
        // scipy.stats.ttest_ind([4.0, 7.0, 9.0], [1.0, 2.0, 3.0, 5.0])
        let statistic = data(&[(&[1.0, 2.0, 3.0, 5.0], &[4.0, 7.0, 9.0])]).observed()[0];
        assert!((statistic.signed().unwrap() - 2.4778058755).abs() < 1e-9, "{statistic:?}");
        assert_eq!(statistic.freedom, 5.0);
    }

    #[test]
    fn the_order_of_the_sides_does_not_matter() {
        let (few, many) = ([4.0, 7.0, 9.0], [1.0, 2.0, 3.0, 5.0]);
        let (one, other) = (data(&[(&many, &few)]), data(&[(&few, &many)]));
        assert_eq!(one.observed()[0].square, other.observed()[0].square);
        assert_eq!(one.observed()[0].signed(), other.observed()[0].signed().map(|t| -t));
        assert_eq!(one.p_values(0)[0].1, other.p_values(0)[0].1);
    }

    #[test]
    fn groups_stand_for_very_many_units() {
        let side = |count: usize, offset: f64| -> Vec<f64> {
            (0..count).map(|at| (at * 7919 % 10_007) as f64 / 10_007.0 + offset).collect()
        };
        let (reference, current) = (side(4_500, 0.0), side(3 * MAX_UNITS + 5, 0.01));
        let data = data(&[(&reference, &current), (&reference, &reference[..3 * MAX_UNITS + 5])]);
        assert_eq!((data.larger, data.values.len() - data.larger), (1_500, 1_001));
        // scipy.stats.ttest_ind of the units themselves: t = 1.42.
        let (statistic, p_value) = data.p_values(0)[0];
        assert!((statistic.unwrap() - 1.42).abs() < 0.5 && p_value > 0.05, "{statistic:?} {p_value}");
        assert_eq!(merged(&[Some(1.0), None, Some(3.0), None], 2)[..], [Some(2.0), None]);
    }

    #[test]
    fn exact_p_values_are_shares_of_all_arrangements() {
        // Of 35 arrangements, this one and none other separates the sides that far.
        let data = data(&[(&[1.0, 2.0, 3.0, 4.0], &[11.0, 12.0, 13.0])]);
        assert_eq!(data.smallest_p_value(), 1.0 / 35.0);
        assert_eq!(data.p_values(0)[0].1, 1.0 / 35.0);
    }

    #[test]
    fn values_that_do_not_vary_have_a_p_value_of_1() {
        let data = data(&[(&[0.1; 5], &[0.1; 4]), (&[0.1, 0.2, 0.3, 0.1, 0.2], &[0.2; 4])]);
        assert_eq!(data.p_values(0)[0], (Some(0.0), 1.0));
    }

    #[test]
    fn a_difference_without_variance_has_the_smallest_p_value() {
        let data = data(&[(&[0.1; 5], &[0.2; 4])]);
        assert_eq!(data.p_values(0)[0], (None, 1.0 / 126.0));
    }

    #[test]
    fn step_down_p_values_do_not_decrease_with_weaker_evidence() {
        let reference: Vec<f64> = (0..30).map(f64::from).collect();
        let shifted = |by: f64| (0..12).map(|at| f64::from(at * 2) + by).collect::<Vec<_>>();
        let [weak, none, strong] = [9.0, 4.0, 30.0].map(shifted);
        let data = data(&[(&reference, &weak), (&reference, &none), (&reference, &strong)]);
        let [weak, none, strong] = [0, 1, 2].map(|column| data.p_values(1)[column].1);
        assert!(strong < weak && weak < none, "{strong} {weak} {none}");
        assert_eq!(strong, 1.0 / 10_000.0);
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        reference: Vec<Vec<f64>>,
        current: Vec<Vec<f64>>,
        p_values: Vec<f64>,
    }

    #[test]
    fn enumerated_p_values_are_those_of_scipy() {
        let golden = include_str!("../../tests/golden/max_t.json");
        let cases: Vec<Golden> = serde_json::from_str(golden).expect("make_max_t.py writes it");
        for (index, case) in cases.iter().enumerate() {
            let columns: Vec<_> = (0..case.p_values.len())
                .map(|column| {
                    [&case.reference, &case.current]
                        .map(|rows| rows.iter().map(|row| row[column]).collect::<Vec<_>>())
                })
                .collect();
            let data = data(
                &columns
                    .iter()
                    .map(|[reference, current]| (&reference[..], &current[..]))
                    .collect::<Vec<_>>(),
            );
            let found: Vec<f64> = data.p_values(0).into_iter().map(|(_, p_value)| p_value).collect();
            for (ours, theirs) in found.iter().zip(&case.p_values) {
                assert!(
                    (ours - theirs).abs() < 1e-12,
                    "case {index}: {found:?}, scipy has {:?}",
                    case.p_values
                );
            }
        }
    }
}
