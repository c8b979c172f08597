//! A column while it is read.

use serde_json::Value;

use super::Values;
use crate::error::Error;
use crate::report::Skipped;
use crate::sample::require_finite;

/// A column while it is read.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub name: String,
    /// Value of each row so far; NaN where it is missing.
    values: Vec<f64>,
    /// Why the column is skipped.
    obstacle: Option<Obstacle>,
    /// Row and value of the first NaN or infinity: an error in a column of numbers, but `nan` may also be text.
    not_finite: Option<(usize, f64)>,
}

/// Why a column is skipped.
#[derive(Debug)]
enum Obstacle {
    /// It has no name.
    Unnamed,
    /// A row, from 1, has a cell that is not a number.
    Cell { row: usize, cell: String },
}

/// A column that was read.
pub(super) enum Finished {
    /// Name, and the value of each row.
    Values(String, Values),
    /// The column is not numeric.
    Skipped(Skipped),
}

impl Column {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Creates the column without a name at this position, from 1.
    pub(super) fn unnamed(position: usize) -> Self {
        Self { obstacle: Some(Obstacle::Unnamed), ..Self::new(&format!("column {position}")) }
    }

    /// Takes over a cell of CSV; rows count from 1.
    pub(super) fn push_text(&mut self, row: usize, cell: &str) {
        let cell = cell.trim();
        if cell.is_empty() || self.obstacle.is_some() {
            return;
        }
        match cell.parse() {
            Ok(value) => self.push(row, value),
            Err(_) => self.skip(row, &format!("'{}'", shortened(cell))),
        }
    }

    /// Takes over a cell of JSON; rows count from 1.
    pub(super) fn push_json(&mut self, row: usize, cell: &Value) {
        match (cell, cell.as_f64()) {
            (Value::Null, _) => {}
            (_, Some(value)) => self.push(row, value),
            (Value::String(text), _) => self.skip(row, &format!("'{}'", shortened(text))),
            (other, _) => self.skip(row, kind(other)),
        }
    }

    /// Number of rows that there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.values.capacity()
    }

    /// Makes room for so many rows in all, exactly: vectors that grow by doubling take up to twice the memory.
    pub(super) fn reserve(&mut self, rows: usize) {
        if self.obstacle.is_none() {
            self.values.reserve_exact(rows.saturating_sub(self.values.len()));
        }
    }

    /// Appends the same column of later rows, of which there are `before` earlier ones.
    pub(super) fn append(&mut self, before: usize, later: Self) {
        let Self { mut values, obstacle, not_finite, .. } = later;
        if let Some(Obstacle::Cell { row, cell }) = obstacle {
            self.skip(before + row, &cell);
        }
        self.not_finite = self.not_finite.or(not_finite.map(|(row, value)| (before + row, value)));
        if self.obstacle.is_none() {
            self.values.resize(before, f64::NAN);
            self.values.append(&mut values);
        }
    }

    /// Returns name and values of all rows, or why the column is skipped.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub(super) fn finish(mut self, rows: usize) -> Result<Finished, Error> {
        if let Some(obstacle) = self.obstacle {
            let reason = match obstacle {
                Obstacle::Unnamed => "has no name in the header row".to_owned(),
                Obstacle::Cell { row, cell } => format!("holds {cell} in row {row}, which is not a number"),
            };
            return Ok(Finished::Skipped(Skipped { name: self.name, reason }));
        }
        if let Some((row, value)) = self.not_finite {
            require_finite(&self.name, row, value)?;
        }
        self.values.resize(rows, f64::NAN);
        Ok(Finished::Values(self.name, Values::from_vec(self.values)))
    }

    fn push(&mut self, row: usize, value: f64) {
        if value.is_finite() {
            self.values.resize(row - 1, f64::NAN);
            self.values.push(value);
        } else {
            self.not_finite.get_or_insert((row, value));
        }
    }

    fn skip(&mut self, row: usize, cell: &str) {
        self.values = Vec::new();
        self.obstacle.get_or_insert_with(|| Obstacle::Cell { row, cell: cell.to_owned() });
    }
}

/// What a value of JSON is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
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
