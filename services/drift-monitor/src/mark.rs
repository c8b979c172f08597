//! Where the last report of a kind ended, from where the next one goes on: `marks/<kind>.json`.

use std::collections::HashSet;

use bcs_contracts::keys;
use bcs_storage::{PutMode, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Where the last report of a kind ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Time up to which it has records.
    pub to: Timestamp,
    /// Id of the report.
    pub report: String,
    /// Hashes of the keys of the records that arrived shortly before `to` and are in the report.
    pub seen: HashSet<u64>,
}

/// Reads the mark of a kind; `None` if there is none, or none that can be read.
///
/// # Errors
/// [`Error::Store`].
pub async fn read(store: &dyn Store, kind: &str) -> Result<Option<Mark>, Error> {
    let bytes = store.find(&keys::mark(kind)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Stores the mark of a kind. The caller holds the lease of the run.
///
/// # Errors
/// [`Error::Store`].
pub async fn write(store: &dyn Store, kind: &str, mark: &Mark) -> Result<(), Error> {
    let bytes = serde_json::to_vec(mark).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(store.put(&keys::mark(kind), bytes.into(), PutMode::Overwrite).await?)
}
