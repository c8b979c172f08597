use bcs_contracts::Features;
use bcs_drift::table::{Part, Values};
use indexmap::IndexMap;
use uuid::Uuid;

/// Largest number of records of which every value is kept: about 50 MB.
pub const MOST: usize = 200_000;

/// Odd number that spreads the random bits of an id, the last ones, over a hash (2⁶⁴ divided by the golden ratio).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Features of records by row, in bounded memory. Of more than [`MOST`] records, those are kept whose ids have the smallest
/// hashes, at least half as many: a sample that depends neither on order nor on time. The means of cases stay those of
/// all records, because the sums of each case are exact and the kept values are moved by the difference. What is left of
/// sampling is the spread within a case of m kept records, whose standard error is about 1/√(2m) of it.
#[derive(Debug)]
pub(super) struct Rows {
    /// Values of each feature by row, NaN where a row has none. A column ends with its last value.
    features: IndexMap<String, Vec<f64>>,
    /// Sums of each case over all records, in the order of `features`.
    cases: IndexMap<String, Vec<Sum>>,
    /// Position in `cases` of each row.
    of_rows: Vec<Option<usize>>,
    /// Hash of the id of each row.
    hashes: Vec<u64>,
    /// Largest hash that is kept.
    limit: u64,
    most: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    count: f64,
    sum: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
    }

    /// Returns the mean; NaN of no value.
    fn mean(self) -> f64 {
        self.sum / self.count
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self::of_most(MOST)
    }
}

impl Rows {
    fn of_most(most: usize) -> Self {
        let (features, cases) = (IndexMap::new(), IndexMap::new());
        Self { features, cases, of_rows: Vec::new(), hashes: Vec::new(), limit: u64::MAX, most }
    }

    pub(super) fn push(&mut self, id: Uuid, case: Option<String>, features: &Features) {
        let hash = id.as_u64_pair().1.wrapping_mul(SPREAD);
        let (row, is_kept) = (self.hashes.len(), hash <= self.limit);
        let case = case.map(|case| self.cases.entry(case)).map(|case| {
            let position = case.index();
            case.or_default();
            position
        });
        for (guess, (name, value)) in features.iter().enumerate() {
            let at = self.position(guess, name);
            if is_kept {
                let column = &mut self.features[at];
                column.resize(row, f64::NAN);
                column.push(*value);
            }
            if let Some(case) = case {
                let sums = &mut self.cases[case];
                sums.resize(sums.len().max(at + 1), Sum::default());
                sums[at].add(*value);
            }
        }
        if is_kept {
            self.of_rows.push(case);
            self.hashes.push(hash);
            self.thin();
        }
    }

    /// Returns the position of the column of a feature. `guess` is tried first: most records have the same features.
    fn position(&mut self, guess: usize, name: &str) -> usize {
        if self.features.get_index(guess).is_some_and(|(known, _)| known == name) {
            return guess;
        }
        match self.features.get_index_of(name) {
            Some(position) => position,
            None => self.features.insert_full(name.to_owned(), Vec::new()).0,
        }
    }

    /// Halves the limit if there are too many rows.
    fn thin(&mut self) {
        if self.hashes.len() > self.most {
            self.limit /= 2;
            let kept: Vec<bool> = self.hashes.iter().map(|hash| *hash <= self.limit).collect();
            retain(&mut self.hashes, &kept);
            retain(&mut self.of_rows, &kept);
            self.features.values_mut().for_each(|values| retain(values, &kept));
        }
    }

    /// Returns the rows, and whether they are a sample.
    pub(super) fn finish(mut self) -> (Part, bool) {
        let sampled = self.limit < u64::MAX;
        if sampled {
            self.add_missing_cases();
        }
        let Self { features, cases, of_rows, .. } = self;
        let name = |case: &Option<usize>| Some(cases.get_index((*case)?)?.0.as_str());
        let columns = features.into_iter().enumerate().map(|(at, (name, mut values))| {
            values.resize(of_rows.len(), f64::NAN);
            if sampled {
                centre(&mut values, &of_rows, |case| cases[case].get(at).copied().unwrap_or_default());
            }
            (name, Values::from_vec(values))
        });
        (Part { cases: of_rows.iter().map(name).collect(), features: columns.collect() }, sampled)
    }

    /// Adds a row with the means of each case of which no row was kept.
    fn add_missing_cases(&mut self) {
        let mut is_missing = vec![true; self.cases.len()];
        self.of_rows.iter().flatten().for_each(|case| is_missing[*case] = false);
        let missing = self.cases.values().enumerate().filter(|(case, _)| is_missing[*case]);
        for (case, sums) in missing {
            for (column, sum) in self.features.values_mut().zip(sums) {
                column.resize(self.of_rows.len(), f64::NAN);
                column.push(sum.mean());
            }
            self.of_rows.push(Some(case));
        }
    }
}

/// Moves the values of each case so that their mean is that of all records of the case, which `all` returns the sum of.
fn centre(values: &mut [f64], of_rows: &[Option<usize>], all: impl Fn(usize) -> Sum) {
    let cases = of_rows.iter().flatten().max().map_or(0, |last| last + 1);
    let mut kept = vec![Sum::default(); cases];
    let with_case = |values: &f64, case: &Option<usize>| case.filter(|_| !values.is_nan());
    for (value, case) in values.iter().zip(of_rows) {
        if let Some(case) = with_case(value, case) {
            kept[case].add(*value);
        }
    }
    for (value, case) in values.iter_mut().zip(of_rows) {
        if let Some(case) = with_case(value, case) {
            *value += all(case).mean() - kept[case].mean();
        }
    }
}

fn retain<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| *kept.next().unwrap_or(&false));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Ten records of each of 50 cases, and the exact means of the cases.
    fn push(rows: &mut Rows) -> BTreeMap<String, [f64; 2]> {
        let mut sums: BTreeMap<String, [f64; 2]> = BTreeMap::new();
        for row in 0..500_u32 {
            let case = format!("{:02}", row / 10);
            let values = [f64::from(row * 7919 % 1009), 1.0 + f64::from(row * 104_729 % 997)];
            let features = [("grey_mean", values[0]), ("sharpness", values[1])];
            rows.push(
                Uuid::now_v7(),
                Some(case.clone()),
                &features.map(|(name, value)| (name.to_owned(), value)).into(),
            );
            let sum = sums.entry(case).or_default();
            *sum = [sum[0] + values[0] / 10.0, sum[1] + values[1] / 10.0];
        }
        sums
    }

    #[test]
    fn few_records_are_kept_as_they_are() {
        let mut rows = Rows::default();
        push(&mut rows);
        let (table, sampled) = rows.finish();
        assert_eq!((table.rows(), sampled), (500, false));
        assert_eq!(table.features["grey_mean"].get(1), Some(f64::from(7919 % 1009)));
    }

    #[test]
    fn a_sample_has_the_means_of_all_records() {
        let mut rows = Rows::of_most(100);
        let means = push(&mut rows);
        let (table, sampled) = rows.finish();
        assert!(sampled && (30..=150).contains(&table.rows()), "{}", table.rows());
        let mut found: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
        for (row, case) in table.cases.iter().enumerate() {
            let values = ["grey_mean", "sharpness"].map(|name| table.features[name].get(row).unwrap());
            found.entry(case.unwrap()).or_default().push(values);
        }
        assert_eq!(found.len(), 50);
        for (case, [grey, sharpness]) in means {
            let values = &found[case.as_str()];
            let mean = |at: usize| values.iter().map(|value| value[at]).sum::<f64>() / values.len() as f64;
            assert!((mean(0) - grey).abs() < 1e-9 && (mean(1) - sharpness).abs() < 1e-9, "{case}");
        }
    }
}
