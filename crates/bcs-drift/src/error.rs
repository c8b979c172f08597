//! The error type of this crate.

/// Errors of reading tables and comparing them. Rows are data rows, counted from 1 without the header.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A feature has no values.
    #[error("feature '{feature}' has no values; a statistical test needs at least one value on each side")]
    EmptySample {
        /// Name of the feature.
        feature: String,
    },
    /// A value is NaN or infinite.
    #[error("feature '{feature}', row {row}: {value} is not a finite number; leave missing values empty")]
    NotFinite {
        /// Name of the feature.
        feature: String,
        /// Row of the value, from 1.
        row: usize,
        /// The value.
        value: String,
    },
    /// A drift reference without images.
    #[error("a drift reference needs the features of at least one image")]
    NoImages,
    /// The file cannot be read.
    #[error("cannot read the table: {0}")]
    Read(#[from] std::io::Error),
    /// The bytes are not valid CSV.
    #[error(
        "the CSV is invalid: line {line} {problem}; it must be UTF-8, with as many fields in each row as in the header row"
    )]
    Csv {
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The CSV has no header row.
    #[error("the CSV has no header row; its first line must name the columns")]
    NoHeader,
    /// A column name in the header row is not unique.
    #[error("column {column} of the header row is '{name}', which {problem}; column names must be unique")]
    Header {
        /// Position in the header row, from 1.
        column: usize,
        /// Name of the column.
        name: String,
        /// What is wrong with the name.
        problem: &'static str,
    },
    /// The bytes are not valid JSON, or not a valid drift reference.
    #[error("cannot read the JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The JSON is not a table.
    #[error(
        "{place} is {found}; a table is a drift reference, an array of objects {{feature: value}}, \
         or an object of arrays {{feature: [values]}}"
    )]
    Shape {
        /// Position in the document.
        place: String,
        /// Type of the value found there.
        found: &'static str,
    },
    /// Columns of an object of arrays differ in length.
    #[error(
        "column '{column}' has {rows} rows, but '{first}' has {expected}; write null where a value is missing"
    )]
    Ragged {
        /// Column of another length.
        column: String,
        /// Length of the column.
        rows: usize,
        /// First column.
        first: String,
        /// Length of the first column.
        expected: usize,
    },
    /// The statistical test is not known.
    #[error("unknown statistical test '{name}'; known are: {known}")]
    UnknownTest {
        /// Requested name.
        name: String,
        /// Known names.
        known: String,
    },
    /// The level is out of range.
    #[error("the level alpha is {0}; it must be above 0 and below 1, for example 0.02 for 2 % false alarms")]
    Alpha(f64),
    /// The statistical test cannot be applied to the samples.
    #[error("the test '{test}' cannot be applied: {reason}")]
    Unsuitable {
        /// Name of the test.
        test: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// The drift threshold is out of range.
    #[error("the drift threshold is {0}; it must be above 0, for example 0.05 for a p-value")]
    Threshold(f64),
    /// The drift share is out of range.
    #[error(
        "the drift share is {0}; it must be above 0 and at most 1, for example 0.5 for half of the features"
    )]
    DriftShare(f64),
    /// The tables have no feature in common.
    #[error(
        "reference and current data have no feature in common (reference: {reference}; current: {current}); \
         use the same column names in both"
    )]
    NothingInCommon {
        /// Features of the reference.
        reference: String,
        /// Features of the current data.
        current: String,
    },
}
