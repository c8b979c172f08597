//! Stored reports. A report never changes, so the list keeps its summary in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use bcs_contracts::keys;
use bcs_drift::html;
use bcs_storage::{Bytes, Generation, PutMode, Store};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::fetch;
use crate::report::{StoredReport, Summary};

/// What is stored under the id of a report.
pub enum Found {
    /// The report, and its JSON.
    Report(Box<StoredReport>, Bytes),
    /// A report that this version cannot read, and its generation.
    Outdated(Generation),
    /// Nothing.
    Missing,
}

/// The reports in a bucket.
pub struct Archive {
    store: Arc<dyn Store>,
    summaries: Mutex<BTreeMap<String, Summary>>,
}

impl Archive {
    /// Creates an archive in a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, summaries: Mutex::default() }
    }

    /// Returns the store.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Returns the store, to be shared.
    pub fn shared_store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Looks for a report.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn find(&self, id: &str) -> Result<Found, Error> {
        use bcs_storage::Error as Storage;
        let object = match self.store.read(&keys::report(id)).await {
            Ok(object) => object,
            Err(Storage::NotFound { .. } | Storage::InvalidKey { .. }) => return Ok(Found::Missing),
            Err(error) => return Err(error.into()),
        };
        Ok(match serde_json::from_slice(&object.bytes) {
            Ok(report) => Found::Report(Box::new(report), object.bytes),
            Err(error) => {
                tracing::warn!(
                    report = id,
                    reason = error.to_string(),
                    "A report has another layout and is made anew."
                );
                Found::Outdated(object.generation)
            }
        })
    }

    /// Reads a report as JSON.
    ///
    /// # Errors
    /// [`Error::NoReport`] or [`Error::Store`].
    pub async fn json(&self, id: &str) -> Result<Bytes, Error> {
        self.get(id, &keys::report(id)).await
    }

    /// Reads the HTML page of a report.
    ///
    /// # Errors
    /// [`Error::NoReport`] or [`Error::Store`].
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

    /// Stores a report, the page before the JSON, and returns the JSON. Returns `None` if another process stored the
    /// report first. `outdated` is the report that it replaces, if any.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn put(
        &self,
        report: &StoredReport,
        outdated: Option<Generation>,
    ) -> Result<Option<Bytes>, Error> {
        let id = &report.drift.about.id;
        let page_key = keys::report_page(id);
        let page = Bytes::from(html::page(&report.drift));
        let mut json =
            serde_json::to_vec_pretty(report).map_err(|error| Error::Internal(error.to_string()))?;
        json.push(b'\n');
        let json = Bytes::from(json);

        let page_created = self.write(&page_key, page.clone(), PutMode::Create).await?;
        let mode = outdated.map_or(PutMode::Create, PutMode::IfGeneration);
        if !self.write(&keys::report(id), json.clone(), mode).await? {
            return Ok(None);
        }
        if !page_created {
            // The page is from a process that was interrupted, or that is storing the same report now. The report is
            // ours, so its page must be, too: the two differ in the time of creation.
            self.store.put(&page_key, page, PutMode::Overwrite).await?;
        }
        Ok(Some(json))
    }

    /// Writes an object and returns whether it was as the mode expects.
    async fn write(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<bool, Error> {
        use bcs_storage::Error as Storage;
        match self.store.put(key, bytes, mode).await {
            Ok(()) => Ok(true),
            Err(Storage::AlreadyExists { .. } | Storage::Changed { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists all reports, newest first.
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

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use bcs_drift::{About, Options, Table, detect};
    use bcs_storage::LocalStore;

    use super::*;
    use crate::report::Sources;

    fn report(created: &str) -> StoredReport {
        let image = |value: f64| Features::from([("grey_mean".to_owned(), value)]);
        let table = Table::from_features([(None, image(0.1)), (None, image(0.2))]).unwrap();
        let about = About::new("id", created.parse().unwrap());
        let drift = detect(&table, &table, Options::new(about)).unwrap();
        StoredReport { drift, records: Sources::default() }
    }

    #[tokio::test]
    async fn page_and_report_are_of_the_same_process() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(Arc::new(LocalStore::open(folder.path()).unwrap()));
        let (interrupted, ours) = (report("2026-11-22T10:00:00Z"), report("2026-11-22T11:00:00Z"));
        let page_of = |report: &StoredReport| Bytes::from(html::page(&report.drift));
        assert!(
            archive.write(&keys::report_page("id"), page_of(&interrupted), PutMode::Create).await.unwrap()
        );

        let json = archive.put(&ours, None).await.unwrap();
        assert_eq!(json, Some(archive.json("id").await.unwrap()));
        assert_eq!(archive.page("id").await.unwrap(), page_of(&ours));

        assert_eq!(archive.put(&interrupted, None).await.unwrap(), None);
        assert_eq!(archive.json("id").await.unwrap(), json.unwrap());
        assert_eq!(archive.page("id").await.unwrap(), page_of(&ours));
    }
}
