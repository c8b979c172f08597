//! The prediction records of a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use bcs_contracts::record::READABLE;
use bcs_contracts::{Features, PredictionRecord, keys};
use bcs_storage::{Bytes, Store};
use jiff::civil::Date;
use uuid::Uuid;

use crate::error::Error;
use crate::fetch;
use crate::window::Window;

/// The records of a window, sorted out.
#[derive(Debug, Default, PartialEq)]
pub struct Records {
    /// Id and features of those to compare, in the order of days and keys.
    pub used: Vec<(Uuid, Features)>,
    /// Those that can't be read: key, and why.
    pub damaged: BTreeMap<String, String>,
    /// Those of other models: how many of each version.
    pub other_versions: BTreeMap<String, usize>,
}

/// Reads the records of a window that the model of this version made.
///
/// # Errors
/// [`Error::Store`]; a record that is damaged is no error.
pub async fn collect(store: &Arc<dyn Store>, window: Window, version: &str) -> Result<Records, Error> {
    let mut records = Records::default();
    // A day at a time, so that the bytes of a long window need not fit into memory together.
    for day in window.days() {
        let keys = store.list(&keys::records_of(day)).await?;
        let objects = fetch::all(store, keys).await?;
        let version = version.to_owned();
        let sorted = tokio::task::spawn_blocking(move || {
            records.sort_in(&objects, day, window, &version);
            records
        });
        records = sorted.await.map_err(|error| Error::Internal(error.to_string()))?;
    }
    for (key, reason) in &records.damaged {
        tracing::warn!(key, reason, "A damaged record is left out.");
    }
    Ok(records)
}

impl Records {
    fn sort_in(&mut self, objects: &[(String, Bytes)], day: Date, window: Window, version: &str) {
        for (key, bytes) in objects {
            match parse(bytes) {
                Err(reason) => {
                    self.damaged.insert(key.clone(), reason);
                }
                Ok(record) if !window.takes(day, record.time) => {}
                Ok(record) if record.model_version != version => {
                    *self.other_versions.entry(record.model_version).or_default() += 1;
                }
                Ok(record) => self.used.push((record.id, record.features)),
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<PredictionRecord, String> {
    let record: PredictionRecord = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !READABLE.contains(&record.format_version) {
        return Err(format!(
            "format_version is {}; this program reads {} to {}",
            record.format_version,
            READABLE.start(),
            READABLE.end()
        ));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use bcs_storage::{LocalStore, PutMode};
    use serde_json::json;

    use super::*;

    fn record(version: &str, time: &str, format_version: u32) -> (Uuid, String) {
        let id = Uuid::now_v7();
        let record = json!({
            "format_version": format_version, "id": id, "time": time, "model_version": version,
            "input": {"sha256": "", "bytes": 1, "format": "png", "width": 1, "height": 1},
            "features": {"grey_mean": 0.5}, "classes": [], "confidence": 0.5, "entropy": 0.5,
            "drift_score": null, "mask": "m", "latency_ms": 1.0
        });
        (id, record.to_string())
    }

    #[tokio::test]
    async fn records_are_sorted_out_by_time_version_and_soundness() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        let put = async |day: &str, name: String, text: String| {
            let key = format!("records/date={day}/{name}.json");
            store.put(&key, text.into(), PutMode::Create).await.unwrap();
        };
        let (wanted, text) = record("v1", "2026-11-22T10:00:00Z", 1);
        put("2026-11-22", wanted.to_string(), text.clone()).await;
        put("2026-11-22", "cut".into(), text[..50].to_owned()).await;
        put("2026-11-22", "newer".into(), record("v1", "2026-11-22T10:00:00Z", 3).1).await;
        put("2026-11-22", "other".into(), record("v2", "2026-11-22T10:00:00Z", 1).1).await;
        put("2026-11-22", "late".into(), record("v1", "2026-11-22T12:00:00Z", 1).1).await;
        put("2026-11-21", "before".into(), record("v1", "2026-11-21T10:00:00Z", 1).1).await;

        let bound = |text: &str| text.parse().unwrap();
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        let window = Window::between(bound("2026-11-22"), Some(bound("2026-11-22T12:00:00Z")), now).unwrap();
        let records = collect(&store, window, "v1").await.unwrap();
        assert_eq!(records.used.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [wanted]);
        let damaged: Vec<&str> = records.damaged.keys().map(String::as_str).collect();
        assert_eq!(damaged, ["records/date=2026-11-22/cut.json", "records/date=2026-11-22/newer.json"]);
        assert_eq!(records.other_versions, BTreeMap::from([("v2".to_owned(), 1)]));
    }
}
