//! Tables from JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::column::{Column, Finished, kind};
use super::{Cases, Part, Table};
use crate::error::Error;

impl Table {
    /// Reads JSON: a drift reference (`reference.json`), an array of objects `[{"grey_mean": 0.4}, …]`, or an object of
    /// arrays `{"grey_mean": [0.4, …], …}`. `null` is a missing value. Columns with any other value that is not a number
    /// are skipped. The key `case`, if there is one, names the case of each row.
    ///
    /// # Errors
    /// [`Error::Json`] for invalid JSON and invalid references; [`Error::Shape`] and [`Error::Ragged`] for documents that
    /// are not tables. They name row and column.
    pub fn from_json(bytes: &[u8], case: &str) -> Result<Self, Error> {
        match serde_json::from_slice(bytes)? {
            Value::Array(rows) => from_rows(&rows, case),
            Value::Object(object) if is_reference(&object) => {
                Self::from_reference(&serde_json::from_value(Value::Object(object))?)
            }
            Value::Object(columns) => from_arrays(&columns, case),
            other => Err(shape("the document".to_owned(), &other)),
        }
    }
}

fn from_rows(rows: &[Value], case: &str) -> Result<Table, Error> {
    let mut columns: BTreeMap<&str, Column> = BTreeMap::new();
    let mut cases = Cases::default();
    for (index, row) in rows.iter().enumerate() {
        let Value::Object(cells) = row else {
            return Err(shape(format!("row {}", index + 1), row));
        };
        cases.push(cells.get(case).and_then(case_name).as_deref());
        for (name, cell) in cells.iter().filter(|(name, _)| *name != case) {
            columns.entry(name).or_insert_with(|| Column::new(name)).push_json(index + 1, cell);
        }
    }
    collect(cases, columns.into_values())
}

fn from_arrays(arrays: &Map<String, Value>, case: &str) -> Result<Table, Error> {
    let (mut columns, mut cases) = (Vec::new(), None);
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
        if name == case {
            cases = Some(of_cells(cells));
            continue;
        }
        let mut column = Column::new(name);
        cells.iter().enumerate().for_each(|(index, cell)| column.push_json(index + 1, cell));
        columns.push(column);
    }
    let rows = first.map_or(0, |(_, rows)| rows);
    collect(cases.unwrap_or_else(|| vec![None; rows].into_iter().collect()), columns)
}

fn of_cells(cells: &[Value]) -> Cases {
    let mut cases = Cases::default();
    cells.iter().for_each(|cell| cases.push(case_name(cell).as_deref()));
    cases
}

/// Name of a case: a text or a number.
fn case_name(cell: &Value) -> Option<String> {
    match cell {
        Value::String(name) if !name.is_empty() => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Makes a table of columns.
///
/// # Errors
/// [`Error::NotFinite`].
pub(super) fn collect(cases: Cases, columns: impl IntoIterator<Item = Column>) -> Result<Table, Error> {
    let (rows, mut features, mut skipped) = (cases.rows(), BTreeMap::new(), Vec::new());
    for column in columns {
        match column.finish(rows)? {
            Finished::Values(name, values) => _ = features.insert(name, values),
            Finished::Skipped(column) => skipped.push(column),
        }
    }
    Ok(Table { rows, parts: vec![Part { cases, features }], skipped })
}

fn is_reference(object: &Map<String, Value>) -> bool {
    object.contains_key("format_version") && object.contains_key("model_version")
}

fn shape(place: String, found: &Value) -> Error {
    Error::Shape { place, found: kind(found) }
}
