//! Everything that can go wrong in this crate: what was wrong, where, and what to do.

/// What was wrong, where, and what to do. Rows are data rows counted from 1, a header not among them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A feature without a single value can't be compared.
    #[error("feature '{feature}' has no values; a statistical test needs at least one on each side")]
    EmptySample {
        /// The feature's name.
        feature: String,
    },
    /// NaN and infinities have no place in a distribution.
    #[error(
        "feature '{feature}', row {row}: {value} is not a finite number; leave the value out if it is missing"
    )]
    NotFinite {
        /// The feature's name.
        feature: String,
        /// The row that holds the value, from 1.
        row: usize,
        /// The value as it was found.
        value: String,
    },
    /// A drift reference needs images.
    #[error("a drift reference can't be made of no images; hand in the features of at least one")]
    NoImages,
    /// The bytes are no CSV.
    #[error("the CSV can't be read: {0}; it must be UTF-8, and each row as wide as the header row")]
    Csv(#[from] csv::Error),
    /// A CSV without column names.
    #[error("the CSV has no header row; its first line must name the columns")]
    NoHeader,
    /// A column that can't be told from the others.
    #[error("column {column} of the header row is '{name}', which {problem}; give each column its own name")]
    Header {
        /// The column's place in the header row, from 1.
        column: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The bytes are no JSON.
    #[error("the JSON can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but no table.
    #[error(
        "{place} is {found}; a table is a drift reference, an array of objects {{feature: value}}, \
         or an object of arrays {{feature: [values]}}"
    )]
    Shape {
        /// Where in the document.
        place: String,
        /// What stands there.
        found: &'static str,
    },
    /// An object of arrays whose columns differ in length.
    #[error(
        "column '{column}' has {rows} rows, but '{first}' has {expected}; write null where a value is missing"
    )]
    Ragged {
        /// The column that is out of step.
        column: String,
        /// Its length.
        rows: usize,
        /// The column it was compared with.
        first: String,
        /// That column's length.
        expected: usize,
    },
    /// No test of this name.
    #[error("there is no statistical test '{name}'; known are: {known}")]
    UnknownTest {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A threshold that no result can be held against.
    #[error("the drift threshold is {0}; it must be a number above 0, such as 0.05 for a p-value")]
    Threshold(f64),
    /// A share that is none.
    #[error("the drift share is {0}; it must be above 0 and at most 1, such as 0.5 for half of the features")]
    DriftShare(f64),
    /// Two tables that have nothing to do with each other.
    #[error(
        "reference and current data have no feature in common (reference: {reference}; current: {current}); \
         name the columns alike"
    )]
    NothingInCommon {
        /// Features of the reference.
        reference: String,
        /// Features of the current data.
        current: String,
    },
}
