//! Tables of features, stored by column: from CSV, JSON, a drift reference or prediction records.
//!
//! # Layout
//! - [`cases`]: the cases of the rows
//! - `column`: a column while it is read
//! - `csv`: tables from CSV
//! - `json`: tables from JSON
//! - [`part`]: features of some images
//! - [`values`]: the values of a feature

pub mod cases;
mod column;
mod csv;
mod json;
pub mod part;
pub mod values;

use std::borrow::Borrow;
use std::collections::BTreeSet;

use bcs_contracts::{DriftReference, FeatureTable, Features};

pub use self::cases::Cases;
pub use self::part::Part;
pub use self::values::Values;
use crate::error::Error;
use crate::report::Skipped;
use crate::sample::require_finite;

/// Name of the column that holds the cases, by default.
pub const CASE_COLUMN: &str = "case";

/// The features of the images of one side, with their cases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Number of images.
    pub rows: usize,
    /// Finite values by image and feature. A drift reference has two parts, of different images: the image features of the
    /// training tiles, and the model features of the validation tiles.
    pub parts: Vec<Part>,
    /// Columns that are not numeric, with the reason.
    pub skipped: Vec<Skipped>,
}

impl Table {
    /// Returns the columns of a drift reference, image features as well as model features. `rows` is the number of rows
    /// of its image table.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names feature and row (from 1).
    pub fn from_reference(reference: &DriftReference) -> Result<Self, Error> {
        let parts = [&reference.image, &reference.model];
        for (name, column) in parts.iter().flat_map(|part| &part.features) {
            for (index, value) in column.iter().enumerate() {
                if let Some(value) = value {
                    require_finite(name, index + 1, *value)?;
                }
            }
        }
        let parts = parts.into_iter().filter(|part| !part.features.is_empty()).map(Part::from).collect();
        Ok(Self { rows: reference.image.rows(), parts, skipped: Vec::new() })
    }

    /// Returns the columns of the features of many images, as in prediction records, each with its case.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names feature and image (from 1).
    pub fn from_features<F: Borrow<Features>>(
        images: impl IntoIterator<Item = (Option<String>, F)>,
    ) -> Result<Self, Error> {
        let mut table = FeatureTable::default();
        for (row, (case, image)) in images.into_iter().enumerate() {
            for (name, value) in image.borrow() {
                require_finite(name, row + 1, *value)?;
            }
            table.push(case, image.borrow());
        }
        Ok(Part::from(&table).into())
    }

    /// Returns the names of all features, in alphabetical order.
    pub fn names(&self) -> BTreeSet<&str> {
        self.parts.iter().flat_map(|part| part.features.keys()).map(String::as_str).collect()
    }

    /// Returns the values of a feature, without missing ones; `None` if the table does not have it.
    pub fn values(&self, feature: &str) -> Option<Vec<f64>> {
        let part = self.parts.iter().find(|part| part.features.contains_key(feature))?;
        Some(part.features[feature].present())
    }

    /// Keeps these features only.
    pub fn select(&mut self, features: &BTreeSet<String>) {
        for part in &mut self.parts {
            part.features.retain(|name, _| features.contains(name));
        }
        self.parts.retain(|part| !part.features.is_empty());
    }
}

impl From<Part> for Table {
    fn from(part: Part) -> Self {
        Self { rows: part.rows(), parts: vec![part], skipped: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Table {
        Table::from_csv(text.as_bytes(), CASE_COLUMN).unwrap()
    }

    fn csv_error(text: &str) -> String {
        Table::from_csv(text.as_bytes(), CASE_COLUMN).unwrap_err().to_string()
    }

    fn json(text: &str) -> Table {
        Table::from_json(text.as_bytes(), CASE_COLUMN).unwrap()
    }

    fn json_error(text: &str) -> String {
        Table::from_json(text.as_bytes(), CASE_COLUMN).unwrap_err().to_string()
    }

    fn cases(table: &Table) -> Vec<Option<&str>> {
        table.parts[0].cases.iter().collect()
    }

    fn skipped(table: &Table) -> Vec<String> {
        table.skipped.iter().map(|skipped| format!("{} {}", skipped.name, skipped.reason)).collect()
    }

    #[test]
    fn a_csv_is_read_by_column() {
        let table = csv("\u{feff}slide,a, b \nS1,1,0.5\nS2,,-3e-2\nS3,3,\n");
        assert_eq!(table.rows, 3);
        assert_eq!(table.values("a").unwrap(), [1.0, 3.0]);
        assert_eq!(table.values("b").unwrap(), [0.5, -0.03]);
        assert_eq!(skipped(&table), ["slide holds 'S1' in row 1, which is not a number"]);
    }

    #[test]
    fn the_unnamed_index_column_of_pandas_is_skipped() {
        let table = csv(",a\n0,1.5\n1,2.5\n");
        assert_eq!(table.names().into_iter().collect::<Vec<_>>(), ["a"]);
        assert_eq!(skipped(&table), ["column 1 has no name in the header row"]);
    }

    #[test]
    fn a_csv_without_rows_has_empty_columns() {
        let table = csv("a,b\n");
        assert_eq!((table.rows, table.values("a").unwrap().len()), (0, 0));
    }

    #[test]
    fn nan_is_an_error_in_numeric_columns_and_text_in_others() {
        let error = csv_error("a,b\n1,2\n1,NaN\n");
        assert!(error.contains("'b', row 2: NaN"), "{error}");
        assert!(csv_error("a\n-inf\n").contains("'a', row 1"));
        assert_eq!(skipped(&csv("name\nnan\nAda\n")).len(), 1);
    }

    #[test]
    fn errors_in_csv_name_the_position() {
        assert!(csv_error("a,b\n1,2\n3\n").contains("line 3 has 1 fields, not 2"));
        assert!(csv_error("a,b,a\n").contains("column 3 of the header row is 'a'"));
        assert!(csv_error("").contains("no header row"));
        let error = Table::from_csv(&b"a\n\xff\n"[..], CASE_COLUMN).unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn json_rows_may_lack_features() {
        let table = json(r#"[{"a": 1, "b": null}, {"b": 2.5, "s": "x"}, {}, {"a": 3, "t": true}]"#);
        assert_eq!(table.rows, 4);
        assert_eq!(table.values("a").unwrap(), [1.0, 3.0]);
        assert_eq!(table.values("b").unwrap(), [2.5]);
        let reasons = [
            "s holds 'x' in row 2, which is not a number",
            "t holds true or false in row 4, which is not a number",
        ];
        assert_eq!(skipped(&table), reasons);
    }

    #[test]
    fn the_case_column_names_the_cases() {
        let table = csv("case,a\nS1,1\n,2\n7,3\n");
        assert_eq!(cases(&table), [Some("S1"), None, Some("7")]);
        assert_eq!((table.names().len(), table.skipped.len()), (1, 0));
        let rows = json(r#"[{"case": "S1", "a": 1}, {"a": 2}, {"case": 7, "a": 3}]"#);
        assert_eq!(rows, table);
        assert_eq!(json(r#"{"case": ["S1", null, 7], "a": [1, 2, 3]}"#), table);
        let other = Table::from_csv(&b"slide,a\nS1,1\n"[..], "slide").unwrap();
        assert_eq!(cases(&other), [Some("S1")]);
        assert_eq!(cases(&csv("slide,a\nS1,1\n")), [None]);
    }

    #[test]
    fn json_columns_must_have_the_same_length() {
        let table = json(r#"{"a": [1, null, 3], "b": [4, 5, 6]}"#);
        assert_eq!(
            (table.rows, table.values("a").unwrap().len(), table.values("b").unwrap().len()),
            (3, 2, 3)
        );
        let error = json_error(r#"{"a": [1, 2], "b": [1]}"#);
        assert!(error.contains("column 'b' has 1 rows, but 'a' has 2"), "{error}");
    }

    #[test]
    fn errors_in_json_name_the_position() {
        assert!(json_error("3").starts_with("the document is a number"));
        assert!(json_error(r#"[{"a": 1}, 2]"#).starts_with("row 2 is a number"));
        assert!(json_error(r#"{"a": 1}"#).starts_with("column 'a' is a number"));
        assert!(json_error(r#"[{"a": 1e999}]"#).contains("out of range"));
        assert!(json_error("[1,").contains("line 1"));
    }

    #[test]
    fn a_reference_is_read_as_a_table() {
        let images = [0.1, 0.2].map(|value| Features::from([("grey_mean".to_owned(), value)]));
        let mut rows = FeatureTable::default();
        for image in &images {
            rows.push(None, image);
        }
        let reference = crate::reference::build("v1", rows, FeatureTable::default()).unwrap();
        let bytes = serde_json::to_vec(&reference).unwrap();
        let table = Table::from_json(&bytes, CASE_COLUMN).unwrap();
        assert_eq!(table, Table::from_features(images.iter().map(|image| (None, image))).unwrap());
        assert_eq!(table.rows, 2);
        let error = json_error(r#"{"format_version": 9, "model_version": ""}"#);
        assert!(error.contains("format_version is 9"), "{error}");
    }

    #[test]
    fn non_finite_features_are_errors() {
        let images = [0.1, f64::INFINITY].map(|value| Features::from([("grey_mean".to_owned(), value)]));
        let error = Table::from_features(images.iter().map(|image| (None, image))).unwrap_err().to_string();
        assert!(error.contains("'grey_mean', row 2: inf"), "{error}");
    }

    #[test]
    fn long_cells_are_shortened_in_messages() {
        let table = csv(&format!("a\n{}\n", "ä".repeat(1000)));
        assert!(table.skipped[0].reason.chars().count() < 100);
    }
}
