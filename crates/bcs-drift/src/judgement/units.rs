//! Units of a comparison: cases, or blocks of consecutive images where the case is not known.

use std::collections::BTreeMap;

use bcs_contracts::FeatureTable;

/// Returns the length of the blocks of images without a case, √n of the smaller side: blocks of both sides must have the same
/// length, or their means would vary by different amounts.
pub(super) fn block_length<'a>(tables: impl IntoIterator<Item = &'a FeatureTable>) -> usize {
    let without = |table: &FeatureTable| table.cases.iter().filter(|case| case.is_none()).count();
    let smallest = tables.into_iter().map(without).filter(|count| *count > 0).min();
    (smallest.unwrap_or(1) as f64).sqrt().round() as usize
}

/// Units of one side.
#[derive(Debug)]
pub(super) struct Units {
    /// Rows of each unit.
    rows: Vec<Vec<usize>>,
    /// Whether all rows have a case.
    pub clustered: bool,
}

impl Units {
    /// Groups the rows of a table by case. Rows without a case become blocks of consecutive rows: neighbours in time are
    /// likely to be of the same slide.
    pub(super) fn new(table: &FeatureTable, block: usize) -> Self {
        let mut cases: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut without = Vec::new();
        for (row, case) in table.cases.iter().enumerate() {
            match case {
                Some(case) => cases.entry(case).or_default().push(row),
                None => without.push(row),
            }
        }
        let clustered = without.is_empty();
        let blocks = without.chunks(block.max(1)).map(<[usize]>::to_vec);
        Self { rows: cases.into_values().chain(blocks).collect(), clustered }
    }

    /// Number of units.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the values of each unit, without missing ones.
    pub(super) fn values<'a>(
        &'a self,
        column: &'a [Option<f64>],
    ) -> impl Iterator<Item = Vec<f64>> + use<'a> {
        self.rows.iter().map(|rows| rows.iter().filter_map(|row| column[*row]).collect())
    }

    /// Returns the mean of each unit; `None` where it has no value.
    pub(super) fn means(&self, column: &[Option<f64>]) -> Vec<Option<f64>> {
        let mean =
            |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        self.values(column).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cases: &[Option<&str>]) -> FeatureTable {
        let cases = cases.iter().map(|case| case.map(str::to_owned)).collect();
        FeatureTable { cases, ..FeatureTable::default() }
    }

    #[test]
    fn rows_are_grouped_by_case() {
        let units = Units::new(&table(&[Some("b"), Some("a"), Some("b")]), 1);
        assert!(units.clustered);
        assert_eq!(units.means(&[Some(1.0), None, Some(3.0)]), [None, Some(2.0)]);
    }

    #[test]
    fn rows_without_case_are_blocks() {
        let (window, reference) = (table(&[None; 17]), table(&[None; 100]));
        let length = block_length([&reference, &window, &table(&[Some("a")])]);
        let units = Units::new(&window, length);
        assert!(!units.clustered);
        assert_eq!(
            units.values(&[Some(0.0); 17]).map(|values| values.len()).collect::<Vec<_>>(),
            [4, 4, 4, 4, 1]
        );
        assert_eq!(Units::new(&table(&[]), 1).len(), 0);
    }
}
