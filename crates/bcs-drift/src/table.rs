//! Tables of features, stored by column: from CSV, JSON, a drift reference or prediction records.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::Read;

use bcs_contracts::{DriftReference, Features};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::report::Skipped;
use crate::sample::require_finite;

/// The values of each feature on one side. The columns are independent samples: which values belong to the same image
/// is not kept, because each feature is compared separately.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Number of images; a column is shorter if values are missing.
    pub rows: usize,
    /// Finite values of each feature, without missing ones.
    pub columns: BTreeMap<String, Vec<f64>>,
    /// Columns that are not numeric, with the reason.
    pub skipped: Vec<Skipped>,
}

impl Table {
    /// Reads CSV: UTF-8, comma-separated, with a header row. An empty cell is a missing value. Columns with a cell that
    /// is not a number are skipped, and so are columns without a name (such as the index that pandas writes).
    ///
    /// # Errors
    /// [`Error::Csv`] for invalid CSV and failed reads; [`Error::NoHeader`]; [`Error::Header`] for duplicate names;
    /// [`Error::NotFinite`] for `NaN` and `inf` in a column of numbers. They name row and column.
    pub fn from_csv(reader: impl Read) -> Result<Self, Error> {
        let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let names = csv.headers()?.clone();
        if names.is_empty() {
            return Err(Error::NoHeader);
        }
        let mut columns = named_columns(&names)?;
        let mut rows = 0;
        for record in csv.records() {
            rows += 1;
            for (column, cell) in columns.iter_mut().zip(&record?) {
                column.push_text(rows, cell);
            }
        }
        Self::collect(rows, columns)
    }

    /// Reads JSON: a drift reference (`reference.json`), an array of objects `[{"grey_mean": 0.4}, …]`, or an object of
    /// arrays `{"grey_mean": [0.4, …], …}`. `null` is a missing value. Columns with any other value that is not a number
    /// are skipped.
    ///
    /// # Errors
    /// [`Error::Json`] for invalid JSON and invalid references; [`Error::Shape`] and [`Error::Ragged`] for documents that
    /// are not tables. They name row and column.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        match serde_json::from_slice(bytes)? {
            Value::Array(rows) => Self::from_rows(&rows),
            Value::Object(object) if is_reference(&object) => {
                Self::from_reference(&serde_json::from_value(Value::Object(object))?)
            }
            Value::Object(columns) => Self::from_arrays(&columns),
            other => Err(shape("the document".to_owned(), &other)),
        }
    }

    /// Returns the columns of a drift reference, image features as well as model features. `rows` is the number of rows
    /// of its image table.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names feature and row (from 1).
    pub fn from_reference(reference: &DriftReference) -> Result<Self, Error> {
        let mut table = Self { rows: reference.image.rows(), ..Self::default() };
        for part in [&reference.image, &reference.model] {
            for (name, column) in &part.features {
                for (index, value) in column.iter().enumerate() {
                    if let Some(value) = value {
                        require_finite(name, index + 1, *value)?;
                    }
                }
                table.columns.insert(name.clone(), column.iter().copied().flatten().collect());
            }
        }
        Ok(table)
    }

    /// Returns the columns of the features of many images, as in prediction records.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names feature and image (from 1).
    pub fn from_features<F: Borrow<Features>>(images: impl IntoIterator<Item = F>) -> Result<Self, Error> {
        let mut table = Self::default();
        for image in images {
            table.rows += 1;
            for (name, value) in image.borrow() {
                require_finite(name, table.rows, *value)?;
                table.columns.entry(name.clone()).or_default().push(*value);
            }
        }
        Ok(table)
    }

    fn from_rows(rows: &[Value]) -> Result<Self, Error> {
        let mut columns: BTreeMap<&str, Column> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let Value::Object(cells) = row else {
                return Err(shape(format!("row {}", index + 1), row));
            };
            for (name, cell) in cells {
                columns.entry(name).or_insert_with(|| Column::new(name)).push_json(index + 1, cell);
            }
        }
        Self::collect(rows.len(), columns.into_values())
    }

    fn from_arrays(arrays: &Map<String, Value>) -> Result<Self, Error> {
        let mut columns = Vec::new();
        let mut first: Option<(&str, usize)> = None;
        for (name, array) in arrays {
            let Value::Array(cells) = array else {
                return Err(shape(format!("column '{name}'"), array));
            };
            let (first, expected) = *first.get_or_insert((name, cells.len()));
            if cells.len() != expected {
                let first = first.to_owned();
                return Err(Error::Ragged { column: name.clone(), rows: cells.len(), first, expected });
            }
            let mut column = Column::new(name);
            cells.iter().enumerate().for_each(|(index, cell)| column.push_json(index + 1, cell));
            columns.push(column);
        }
        Self::collect(first.map_or(0, |(_, rows)| rows), columns)
    }

    fn collect(rows: usize, columns: impl IntoIterator<Item = Column>) -> Result<Self, Error> {
        let mut table = Self { rows, ..Self::default() };
        for column in columns {
            match column.obstacle {
                Some(reason) => table.skipped.push(Skipped { name: column.name, reason }),
                None => {
                    if let Some((row, value)) = column.not_finite {
                        require_finite(&column.name, row, value)?;
                    }
                    table.columns.insert(column.name, column.values);
                }
            }
        }
        Ok(table)
    }
}

/// A column during reading.
#[derive(Debug, Default)]
struct Column {
    name: String,
    values: Vec<f64>,
    /// Reason why the column is skipped.
    obstacle: Option<String>,
    /// Row and value of the first NaN or infinity: an error in a column of numbers, but `nan` may also be text.
    not_finite: Option<(usize, f64)>,
}

impl Column {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn push_text(&mut self, row: usize, cell: &str) {
        if cell.is_empty() {
            return;
        }
        match cell.parse() {
            Ok(value) => self.push(row, value),
            Err(_) => self.skip(row, &format!("'{}'", shortened(cell))),
        }
    }

    fn push_json(&mut self, row: usize, cell: &Value) {
        match (cell, cell.as_f64()) {
            (Value::Null, _) => {}
            (_, Some(value)) => self.push(row, value),
            (Value::String(text), _) => self.skip(row, &format!("'{}'", shortened(text))),
            (other, _) => self.skip(row, kind(other)),
        }
    }

    fn push(&mut self, row: usize, value: f64) {
        if value.is_finite() {
            self.values.push(value);
        } else {
            self.not_finite.get_or_insert((row, value));
        }
    }

    fn skip(&mut self, row: usize, cell: &str) {
        self.obstacle.get_or_insert_with(|| format!("holds {cell} in row {row}, which is not a number"));
    }
}

/// Creates a column for each name of the header row.
fn named_columns(names: &csv::StringRecord) -> Result<Vec<Column>, Error> {
    let mut columns: Vec<Column> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            let obstacle = Some("has no name in the header row".to_owned());
            columns.push(Column { obstacle, ..Column::new(&format!("column {}", index + 1)) });
        } else if columns.iter().any(|column| column.name == name) {
            let problem = "occurs twice";
            return Err(Error::Header { column: index + 1, name: name.to_owned(), problem });
        } else {
            columns.push(Column::new(name));
        }
    }
    Ok(columns)
}

fn is_reference(object: &Map<String, Value>) -> bool {
    object.contains_key("format_version") && object.contains_key("model_version")
}

fn shape(place: String, found: &Value) -> Error {
    Error::Shape { place, found: kind(found) }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Start of a cell, long enough to find it by.
fn shortened(cell: &str) -> String {
    const LONGEST: usize = 40;
    match cell.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::FeatureTable;

    use super::*;

    fn csv(text: &str) -> Table {
        Table::from_csv(text.as_bytes()).unwrap()
    }

    fn csv_error(text: &str) -> String {
        Table::from_csv(text.as_bytes()).unwrap_err().to_string()
    }

    fn json(text: &str) -> Table {
        Table::from_json(text.as_bytes()).unwrap()
    }

    fn json_error(text: &str) -> String {
        Table::from_json(text.as_bytes()).unwrap_err().to_string()
    }

    fn skipped(table: &Table) -> Vec<String> {
        table.skipped.iter().map(|skipped| format!("{} {}", skipped.name, skipped.reason)).collect()
    }

    #[test]
    fn a_csv_is_read_by_column() {
        let table = csv("\u{feff}slide,a, b \nS1,1,0.5\nS2,,-3e-2\nS3,3,\n");
        assert_eq!(table.rows, 3);
        assert_eq!(table.columns["a"], [1.0, 3.0]);
        assert_eq!(table.columns["b"], [0.5, -0.03]);
        assert_eq!(skipped(&table), ["slide holds 'S1' in row 1, which is not a number"]);
    }

    #[test]
    fn the_unnamed_index_column_of_pandas_is_skipped() {
        let table = csv(",a\n0,1.5\n1,2.5\n");
        assert_eq!(table.columns.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(skipped(&table), ["column 1 has no name in the header row"]);
    }

    #[test]
    fn a_csv_without_rows_has_empty_columns() {
        let table = csv("a,b\n");
        assert_eq!((table.rows, table.columns["a"].len()), (0, 0));
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
        assert!(csv_error("a,b\n1,2\n3\n").contains("line: 3"), "{}", csv_error("a,b\n1,2\n3\n"));
        assert!(csv_error("a,b,a\n").contains("column 3 of the header row is 'a'"));
        assert!(csv_error("").contains("no header row"));
        let error = Table::from_csv(&b"a\n\xff\n"[..]).unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn json_rows_may_lack_features() {
        let table = json(r#"[{"a": 1, "b": null}, {"b": 2.5, "s": "x"}, {}, {"a": 3, "t": true}]"#);
        assert_eq!(table.rows, 4);
        assert_eq!(table.columns["a"], [1.0, 3.0]);
        assert_eq!(table.columns["b"], [2.5]);
        let reasons = [
            "s holds 'x' in row 2, which is not a number",
            "t holds true or false in row 4, which is not a number",
        ];
        assert_eq!(skipped(&table), reasons);
    }

    #[test]
    fn json_columns_must_have_the_same_length() {
        let table = json(r#"{"a": [1, null, 3], "b": [4, 5, 6]}"#);
        assert_eq!((table.rows, table.columns["a"].len(), table.columns["b"].len()), (3, 2, 3));
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
        let table = Table::from_json(&bytes).unwrap();
        assert_eq!(table, Table::from_features(&images).unwrap());
        assert_eq!(table.rows, 2);
        let error = json_error(r#"{"format_version": 9, "model_version": ""}"#);
        assert!(error.contains("format_version is 9"), "{error}");
    }

    #[test]
    fn non_finite_features_are_errors() {
        let images = [0.1, f64::INFINITY].map(|value| Features::from([("grey_mean".to_owned(), value)]));
        let error = Table::from_features(&images).unwrap_err().to_string();
        assert!(error.contains("'grey_mean', row 2: inf"), "{error}");
    }

    #[test]
    fn long_cells_are_shortened_in_messages() {
        let table = csv(&format!("a\n{}\n", "ä".repeat(1000)));
        assert!(table.skipped[0].reason.chars().count() < 100);
    }
}
