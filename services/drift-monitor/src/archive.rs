//! The reports in their bucket. A report never changes, so what is listed of it is kept in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use bcs_contracts::keys;
use bcs_drift::html;
use bcs_storage::{Bytes, PutMode, Store};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::fetch;
use crate::report::{StoredReport, Summary};

/// The reports in their bucket.
pub struct Archive {
    store: Arc<dyn Store>,
    summaries: Mutex<BTreeMap<String, Summary>>,
}

impl Archive {
    /// The reports in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, summaries: Mutex::default() }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// A report as it is stored.
    ///
    /// # Errors
    /// [`Error::NoReport`]; [`Error::Store`].
    pub async fn json(&self, id: &str) -> Result<Bytes, Error> {
        self.get(id, &keys::report(id)).await
    }

    /// The page of a report.
    ///
    /// # Errors
    /// [`Error::NoReport`]; [`Error::Store`].
    pub async fn page(&self, id: &str) -> Result<Bytes, Error> {
        self.get(id, &keys::report_page(id)).await
    }

    async fn get(&self, id: &str, key: &str) -> Result<Bytes, Error> {
        use bcs_storage::Error as Storage;
        self.store.get(key).await.map_err(|error| match error {
            Storage::NotFound { .. } | Storage::InvalidKey { .. } => Error::NoReport(id.to_owned()),
            other => other.into(),
        })
    }

    /// Stores a report, the page first. `None` where another monitor stored it meanwhile.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn put(&self, report: &StoredReport) -> Result<Option<Bytes>, Error> {
        let id = &report.drift.about.id;
        let page = html::page(&report.drift);
        // A page without report is what a monitor left that ended between the two; it says the same.
        self.create(&keys::report_page(id), page.into()).await?;
        let mut json =
            serde_json::to_vec_pretty(report).map_err(|error| Error::Internal(error.to_string()))?;
        json.push(b'\n');
        let json = Bytes::from(json);
        let created = self.create(&keys::report(id), json.clone()).await?;
        Ok(created.then_some(json))
    }

    /// Whether there was none yet.
    async fn create(&self, key: &str, bytes: Bytes) -> Result<bool, Error> {
        match self.store.put(key, bytes, PutMode::Create).await {
            Ok(()) => Ok(true),
            Err(bcs_storage::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// All reports, the newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(&self) -> Result<Vec<Summary>, Error> {
        let mut summaries = self.summaries.lock().await;
        let keys: Vec<String> =
            self.store.list(keys::REPORTS).await?.into_iter().filter(|key| key.ends_with(".json")).collect();
        summaries.retain(|key, _| keys.binary_search(key).is_ok());
        let unknown = keys.into_iter().filter(|key| !summaries.contains_key(key)).collect();
        for (key, bytes) in fetch::all(&self.store, unknown).await? {
            match serde_json::from_slice::<StoredReport>(&bytes) {
                Ok(report) => {
                    summaries.insert(key, Summary::from(&report));
                }
                Err(error) => {
                    tracing::warn!(key, reason = error.to_string(), "A damaged report is not listed.");
                }
            }
        }
        let mut listed: Vec<Summary> = summaries.values().cloned().collect();
        listed.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        Ok(listed)
    }
}
