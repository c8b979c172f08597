//! Per-case summaries that a warehouse has computed: one row per case, with the number of its images and the mean of each
//! feature, so that the monitor judges windows that no single machine holds.

use std::collections::BTreeSet;

use bcs_drift::Table;
use bcs_drift::table::{CASE_COLUMN, Part};

/// Column with the number of images of each case.
pub const IMAGES: &str = "images";

/// Summaries of the cases of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Summaries {
    /// One row per case.
    pub table: Part,
    /// Number of images of all cases.
    pub images: usize,
}

impl Summaries {
    /// Checks a table of summaries.
    ///
    /// # Errors
    /// Which column or case is wrong.
    pub fn new(table: Table) -> Result<Self, String> {
        let mut table = table.parts.into_iter().next().unwrap_or_default();
        let Some(images) = table.features.remove(IMAGES) else {
            return Err(format!("has no column '{IMAGES}' with the number of images of each case"));
        };
        let mut known = BTreeSet::new();
        for (row, case) in table.cases.iter().enumerate() {
            let case = case.ok_or_else(|| format!("has no '{CASE_COLUMN}' in row {}", row + 1))?;
            if !known.insert(case) {
                return Err(format!("has the case '{case}' twice; it must have one row per case"));
            }
        }
        Ok(Self { images: images.present().iter().sum::<f64>().round() as usize, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(csv: &str) -> Table {
        Table::from_csv(csv.as_bytes(), CASE_COLUMN).unwrap()
    }

    #[test]
    fn summaries_have_one_row_per_case_and_count_its_images() {
        let summaries = Summaries::new(table("case,images,grey_mean\na,3,0.5\nb,4,0.6\n")).unwrap();
        assert_eq!((summaries.images, summaries.table.rows()), (7, 2));
        assert!(!summaries.table.features.contains_key(IMAGES));
        let reason = |csv: &str| Summaries::new(table(csv)).unwrap_err();
        assert!(reason("case,grey_mean\na,0.5\n").contains("'images'"));
        assert!(reason("case,images\na,1\na,1\n").contains("'a' twice"));
        assert!(reason("case,images\n,1\n").contains("row 1"));
    }
}
