//! The records of a day as a table in Parquet, which DuckDB, Spark and BigQuery read:
//! `compact/date=YYYY-MM-DD/part-00000.parquet`. A day has one part, or more if it has more than half a million records or
//! if features appear late in the day.
//!
//! # Layout
//! - `columns`: records by column
//! - `part`: one file of Parquet

mod columns;
mod part;

use std::pin::pin;
use std::sync::Arc;

use bcs_contracts::keys;
use bcs_storage::{PutMode, Store};
use futures_util::TryStreamExt;
use jiff::civil::Date;

use self::columns::Columns;
use self::part::Part;
use crate::error::Error;
use crate::fetch;
use crate::records::parse;

/// Rows of a row group, which are in memory at once.
const GROUP: usize = 50_000;

/// Rows from which a file is closed.
const LARGEST: usize = 500_000;

/// What was written of a day.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Number of records.
    pub rows: usize,
    /// Keys of the files.
    pub parts: Vec<String>,
    /// Number of damaged records, which are left out.
    pub damaged: usize,
}

/// Writes the records of a day (UTC). Files of an earlier compaction are replaced.
///
/// # Errors
/// [`Error::Store`]; [`Error::Parquet`] if a file cannot be encoded.
pub async fn compact(records: &Arc<dyn Store>, output: &dyn Store, day: Date) -> Result<Compacted, Error> {
    let keys = records.list(&keys::records_of(day)).await?;
    let mut parsed = pin!(fetch::each(records, keys, parse));
    let (mut compacted, mut columns, mut part) = (Compacted::default(), Columns::default(), None);
    while let Some((key, record)) = parsed.try_next().await? {
        match record {
            Ok(record) => columns.push(record),
            Err(reason) => {
                tracing::warn!(key, reason, "Left out a damaged record.");
                compacted.damaged += 1;
            }
        }
        if columns.rows() == GROUP {
            add(&mut part, std::mem::take(&mut columns), &mut compacted, output, day).await?;
        }
    }
    if columns.rows() > 0 {
        add(&mut part, columns, &mut compacted, output, day).await?;
    }
    if let Some(part) = part {
        store(part, &mut compacted, output, day).await?;
    }
    for stale in output.list(&keys::compacted_of(day)).await? {
        if !compacted.parts.contains(&stale) {
            output.delete(&stale).await?;
        }
    }
    Ok(compacted)
}

/// Adds rows to the part, or to a new one if the part is full or lacks one of their features.
async fn add(
    part: &mut Option<Part>,
    columns: Columns,
    compacted: &mut Compacted,
    output: &dyn Store,
    day: Date,
) -> Result<(), Error> {
    if let Some(full) = part.take_if(|part| part.rows() >= LARGEST || !part.has(&columns)) {
        store(full, compacted, output, day).await?;
    }
    let written = match part.take() {
        Some(part) => part,
        None => Part::new(&columns)?,
    };
    // Compression takes a moment.
    let written = tokio::task::spawn_blocking(move || written.with(&columns)).await;
    *part = Some(written.map_err(|error| Error::Internal(error.to_string()))??);
    Ok(())
}

async fn store(part: Part, compacted: &mut Compacted, output: &dyn Store, day: Date) -> Result<(), Error> {
    compacted.rows += part.rows();
    let key = keys::compacted(day, compacted.parts.len());
    output.put(&key, part.finish()?.into(), PutMode::Overwrite).await?;
    compacted.parts.push(key);
    Ok(())
}

#[cfg(test)]
mod tests;
