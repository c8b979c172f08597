use std::collections::BTreeMap;

use bcs_contracts::{FeatureTable, Features};
use uuid::Uuid;

/// Largest number of records of which every value is kept: about 100 MB.
pub const MOST: usize = 200_000;

/// Odd number that spreads the random bits of an id, the last ones, over a hash (2⁶⁴ divided by the golden ratio).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Features of records by row, in bounded memory. Of more than [`MOST`] records, those are kept whose ids have the smallest
/// hashes, at least half as many: a sample that depends neither on order nor on time. The means of cases stay those of
/// all records, because the sums of each case are exact and the kept values are moved by the difference. What is left of
/// sampling is the spread within a case of m kept records, whose standard error is about 1/√(2m) of it.
#[derive(Debug)]
pub(super) struct Rows {
    table: FeatureTable,
    /// Hash of the id of each row.
    hashes: Vec<u64>,
    /// Largest hash that is kept.
    limit: u64,
    most: usize,
    sums: BTreeMap<String, BTreeMap<String, Sum>>,
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
        let (table, sums) = (FeatureTable::default(), BTreeMap::new());
        Self { table, hashes: Vec::new(), limit: u64::MAX, most, sums }
    }

    pub(super) fn push(&mut self, id: Uuid, case: Option<String>, features: &Features) {
        if let Some(case) = &case {
            if !self.sums.contains_key(case) {
                self.sums.insert(case.clone(), BTreeMap::new());
            }
            let sums = self.sums.get_mut(case).expect("it was inserted");
            for (name, value) in features {
                match sums.get_mut(name) {
                    Some(sum) => sum.add(*value),
                    None => sums.entry(name.clone()).or_default().add(*value),
                }
            }
        }
        let hash = id.as_u64_pair().1.wrapping_mul(SPREAD);
        if hash > self.limit {
            return;
        }
        self.table.push(case, features);
        self.hashes.push(hash);
        if self.hashes.len() > self.most {
            self.limit /= 2;
            let kept: Vec<bool> = self.hashes.iter().map(|hash| *hash <= self.limit).collect();
            retain(&mut self.hashes, &kept);
            retain(&mut self.table.cases, &kept);
            self.table.features.values_mut().for_each(|values| retain(values, &kept));
        }
    }

    /// Returns the rows, and whether they are a sample.
    pub(super) fn finish(self) -> (FeatureTable, bool) {
        let Self { mut table, limit, sums, .. } = self;
        let sampled = limit < u64::MAX;
        if sampled {
            for (case, sums) in missing(&table, &sums) {
                let mean = |(name, sum): (&String, &Sum)| (name.clone(), sum.mean());
                table.push(Some(case), &sums.iter().map(mean).collect());
            }
            let FeatureTable { cases, features } = &mut table;
            for (name, values) in features {
                centre(name, cases, values, &sums);
            }
        }
        (table, sampled)
    }
}

/// Returns the cases of which no row was kept.
fn missing(
    table: &FeatureTable,
    sums: &BTreeMap<String, BTreeMap<String, Sum>>,
) -> BTreeMap<String, BTreeMap<String, Sum>> {
    let mut missing = sums.clone();
    for case in table.cases.iter().flatten() {
        missing.remove(case);
    }
    missing
}

/// Moves the values of each case so that their mean is that of all records of the case.
fn centre(
    name: &str,
    cases: &[Option<String>],
    values: &mut [Option<f64>],
    sums: &BTreeMap<String, BTreeMap<String, Sum>>,
) {
    let mut kept: BTreeMap<&str, Sum> = BTreeMap::new();
    for (case, value) in cases.iter().zip(&*values) {
        if let (Some(case), Some(value)) = (case, value) {
            kept.entry(case).or_default().add(*value);
        }
    }
    for (case, value) in cases.iter().zip(values) {
        if let (Some(case), Some(value)) = (case, value)
            && let Some(all) = sums.get(case).and_then(|sums| sums.get(name))
        {
            *value += all.mean() - kept[case.as_str()].mean();
        }
    }
}

fn retain<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| *kept.next().unwrap_or(&false));
}

#[cfg(test)]
mod tests {
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
        assert_eq!(table.features["grey_mean"][1], Some(f64::from(7919 % 1009)));
    }

    #[test]
    fn a_sample_has_the_means_of_all_records() {
        let mut rows = Rows::of_most(100);
        let means = push(&mut rows);
        let (table, sampled) = rows.finish();
        assert!(sampled && (30..=150).contains(&table.rows()), "{}", table.rows());
        let mut found: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
        for (row, case) in table.cases.iter().enumerate() {
            let values = ["grey_mean", "sharpness"].map(|name| table.features[name][row].unwrap());
            found.entry(case.as_deref().unwrap()).or_default().push(values);
        }
        assert_eq!(found.len(), 50);
        for (case, [grey, sharpness]) in means {
            let values = &found[case.as_str()];
            let mean = |at: usize| values.iter().map(|value| value[at]).sum::<f64>() / values.len() as f64;
            assert!((mean(0) - grey).abs() < 1e-9 && (mean(1) - sharpness).abs() < 1e-9, "{case}");
        }
    }
}
