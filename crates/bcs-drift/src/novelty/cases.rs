//! Rows of a reference by case.

use std::collections::BTreeMap;

use bcs_contracts::FeatureTable;

use super::scale::on_scale;

/// Values of the features of an image, on their scales; `None` where it lacks one.
pub(super) type Row = Vec<Option<f64>>;

/// The rows of each case.
#[derive(Debug)]
pub(super) struct Cases(Vec<Vec<Row>>);

impl Cases {
    /// Groups the rows of a table, in their order. Rows without a case become blocks of √n neighbours.
    pub(super) fn new(table: &FeatureTable, names: &[String]) -> Self {
        let row = |index: usize| -> Row {
            let value =
                |name: &String| Some(on_scale(name, *table.features.get(name)?.get(index)?.as_ref()?));
            names.iter().map(value).collect()
        };
        let mut known = BTreeMap::<&str, Vec<Row>>::new();
        let mut unknown = Vec::new();
        for (index, case) in table.cases.iter().enumerate() {
            match case {
                Some(case) => known.entry(case).or_default().push(row(index)),
                None => unknown.push(row(index)),
            }
        }
        let length = unknown.len().isqrt().max(1);
        Self(known.into_values().chain(unknown.chunks(length).map(<[Row]>::to_vec)).collect())
    }

    /// Number of cases.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the rows of each case.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[Row]> {
        self.0.iter().map(Vec::as_slice)
    }
}

/// Mean of rows, over those that have each feature.
pub(super) fn mean(rows: &[Row]) -> Row {
    let features = rows.first().map_or(0, Vec::len);
    let mean = |feature: usize| {
        let values = rows.iter().filter_map(|row| row[feature]);
        let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
        (count > 0).then(|| sum / f64::from(count))
    };
    (0..features).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_case_or_by_neighbourhood() {
        let mut table = FeatureTable::default();
        let features = |value: f64| [("a".to_owned(), value)].into_iter().collect();
        for (value, case) in [(1.0, "x"), (2.0, "y"), (5.0, "x")] {
            table.push(Some(case.to_owned()), &features(value));
        }
        (0..9).for_each(|value| table.push(None, &features(f64::from(value))));
        let cases = Cases::new(&table, &["a".to_owned()]);
        assert_eq!(cases.iter().map(<[Row]>::len).collect::<Vec<_>>(), [2, 1, 3, 3, 3]);
        assert_eq!(mean(cases.iter().next().unwrap()), [Some(3.0)]);
        assert_eq!(mean(&[vec![None, Some(1.0)], vec![None, None]]), [None, Some(1.0)]);
    }
}
