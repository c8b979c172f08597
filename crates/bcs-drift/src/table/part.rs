//! Features of some images by column.

use std::collections::BTreeMap;

use bcs_contracts::FeatureTable;

use super::{Cases, Values};
use crate::judgement::units::Units;

/// Features of some images, one row per image, in half of the memory that a [`FeatureTable`] takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// Patient or slide of each row.
    pub cases: Cases,
    /// Values of each feature, as many as there are rows.
    pub features: BTreeMap<String, Values>,
}

impl Part {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.cases.rows()
    }

    /// Returns one row per case, in the order of their names, with the means of its features. Rows without a case stay as they
    /// are, after the others.
    pub fn by_case(&self) -> Self {
        let units = Units::new(self, 1);
        let mut names: Vec<&str> = self.cases.names().collect();
        names.sort_unstable();
        let without = units.len() - names.len();
        let cases = names.into_iter().map(Some).chain(std::iter::repeat_n(None, without)).collect();
        let means = |values: &Values| units.group(values).means().collect();
        Self {
            cases,
            features: self.features.iter().map(|(name, values)| (name.clone(), means(values))).collect(),
        }
    }
}

impl From<&FeatureTable> for Part {
    fn from(table: &FeatureTable) -> Self {
        let column = |values: &Vec<Option<f64>>| values.iter().copied().collect();
        Self {
            cases: table.cases.iter().map(Option::as_deref).collect(),
            features: table.features.iter().map(|(name, values)| (name.clone(), column(values))).collect(),
        }
    }
}

impl From<&Part> for FeatureTable {
    fn from(part: &Part) -> Self {
        Self {
            cases: part.cases.iter().map(|case| case.map(str::to_owned)).collect(),
            features: part
                .features
                .iter()
                .map(|(name, values)| (name.clone(), values.iter().collect()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;
    use crate::table::CASE_COLUMN;

    #[test]
    fn cases_have_the_means_of_their_images() {
        let csv = "case,grey_mean,sharpness\nb,1,1\na,2,\n,7,7\nb,4,100\n";
        let table = Table::from_csv(csv.as_bytes(), CASE_COLUMN).unwrap();
        let means = table.parts[0].by_case();
        assert!(means.cases.iter().eq([Some("a"), Some("b"), None]));
        assert!(means.features["grey_mean"].iter().eq([Some(2.0), Some(2.5), Some(7.0)]));
        assert!(means.features["sharpness"].iter().eq([None, Some(50.5), Some(7.0)]));
        assert_eq!(means.by_case(), means);
    }

    #[test]
    fn a_part_is_a_feature_table_in_less_memory() {
        let table = FeatureTable {
            cases: vec![Some("a".to_owned()), None],
            features: [("grey_mean".to_owned(), vec![None, Some(0.5)])].into(),
        };
        assert_eq!(FeatureTable::from(&Part::from(&table)), table);
    }
}
