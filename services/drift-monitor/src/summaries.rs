//! Per-case summaries that a warehouse has computed: one row per case, with the number of its images and the mean of each
//! feature, so that the monitor judges windows that no single machine holds.

use std::collections::{BTreeMap, BTreeSet};

use bcs_contracts::FeatureTable;
use bcs_drift::Table;
use bcs_drift::table::CASE_COLUMN;

/// Column with the number of images of each case.
pub const IMAGES: &str = "images";

/// Summaries of the cases of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Summaries {
    /// One row per case.
    pub table: FeatureTable,
    /// Number of images of all cases.
    pub images: usize,
}

impl Summaries {
    /// Checks a table of summaries.
    ///
    /// # Errors
    /// Which column or case is wrong.
    pub fn new(table: &Table) -> Result<Self, String> {
        let mut table = table.images();
        let Some(images) = table.features.remove(IMAGES) else {
            return Err(format!("has no column '{IMAGES}' with the number of images of each case"));
        };
        let mut known = BTreeSet::new();
        for (row, case) in table.cases.iter().enumerate() {
            let case = case.as_ref().ok_or(format!("has no '{CASE_COLUMN}' in row {}", row + 1))?;
            if !known.insert(case) {
                return Err(format!("has the case '{case}' twice; it must have one row per case"));
            }
        }
        Ok(Self { images: images.iter().flatten().sum::<f64>().round() as usize, table })
    }
}

/// Returns one row per case, with the means of its features; rows without a case stay as they are.
pub fn by_case(table: &FeatureTable) -> FeatureTable {
    let mut cases: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut groups: Vec<(Option<String>, Vec<usize>)> = Vec::new();
    for (row, case) in table.cases.iter().enumerate() {
        match case {
            Some(case) => cases.entry(case).or_default().push(row),
            None => groups.push((None, vec![row])),
        }
    }
    groups.extend(cases.into_iter().map(|(case, rows)| (Some(case.to_owned()), rows)));
    let mean = |column: &[Option<f64>], rows: &[usize]| {
        let values: Vec<f64> = rows.iter().filter_map(|row| column[*row]).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let columns = table
        .features
        .iter()
        .map(|(name, column)| (name.clone(), groups.iter().map(|(_, rows)| mean(column, rows)).collect()));
    let features = columns.collect();
    FeatureTable { cases: groups.into_iter().map(|(case, _)| case).collect(), features }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(csv: &str) -> Table {
        Table::from_csv(csv.as_bytes(), CASE_COLUMN).unwrap()
    }

    #[test]
    fn cases_have_the_means_of_their_images() {
        let rows = table("case,grey_mean,sharpness\nb,1,1\na,2,\n,7,7\nb,4,100\n").images();
        let summaries = by_case(&rows);
        assert_eq!(summaries.cases, [None, Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(summaries.features["grey_mean"], [Some(7.0), Some(2.0), Some(2.5)]);
        assert_eq!(summaries.features["sharpness"], [Some(7.0), None, Some(50.5)]);
        assert_eq!(by_case(&summaries).features["grey_mean"], summaries.features["grey_mean"]);
    }

    #[test]
    fn summaries_have_one_row_per_case_and_count_its_images() {
        let summaries = Summaries::new(&table("case,images,grey_mean\na,3,0.5\nb,4,0.6\n")).unwrap();
        assert_eq!((summaries.images, summaries.table.rows()), (7, 2));
        assert!(!summaries.table.features.contains_key(IMAGES));
        let reason = |csv: &str| Summaries::new(&table(csv)).unwrap_err();
        assert!(reason("case,grey_mean\na,0.5\n").contains("'images'"));
        assert!(reason("case,images\na,1\na,1\n").contains("'a' twice"));
        assert!(reason("case,images\n,1\n").contains("row 1"));
    }
}
