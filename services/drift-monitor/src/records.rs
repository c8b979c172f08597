//! Prediction records of a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use bcs_contracts::features::is_model_feature;
use bcs_contracts::record::READABLE;
use bcs_contracts::{Features, PredictionRecord, keys};
use bcs_storage::Store;
use jiff::civil::Date;
use uuid::Uuid;

use crate::baseline::Baseline;
use crate::error::Error;
use crate::fetch;
use crate::window::Window;

/// Records of a window, classified.
#[derive(Debug, Default, PartialEq)]
pub struct Records {
    /// Records to compare, ordered by day and key.
    pub used: Vec<Used>,
    /// Number of used records whose image features were measured otherwise than those of the drift reference. Only their
    /// model features are in `used`.
    pub model_features_only: usize,
    /// Damaged records: key and reason.
    pub damaged: BTreeMap<String, String>,
    /// Number of records of other models, by model version.
    pub other_versions: BTreeMap<String, usize>,
}

/// What is compared of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// Id of the prediction.
    pub id: Uuid,
    /// Patient or slide.
    pub case: Option<String>,
    /// Features of the image and of its prediction.
    pub features: Features,
}

/// Reads the records of a window. Those of the model `version` are used; damaged records are counted.
///
/// Records of format 1 have image features measured over the whole image, those of format 2 features averaged over model
/// windows, and so have drift references of these formats. If record and baseline differ in format, only
/// the model features of the record are used: class fractions, confidence and entropy mean the same in both.
///
/// # Errors
/// [`Error::Store`].
pub async fn collect(
    store: &Arc<dyn Store>,
    window: Window,
    version: &str,
    baseline: &Baseline,
) -> Result<Records, Error> {
    let mut records = Records::default();
    // One day at a time, so that a long window need not fit into memory.
    for day in window.days() {
        let keys = store.list(&keys::records_of(day)).await?;
        let objects = fetch::all(store, keys).await?;
        let (version, format) = (version.to_owned(), baseline.format_version);
        let added = tokio::task::spawn_blocking(move || {
            for (key, bytes) in &objects {
                records.add(key, bytes, Selection { day, window, version: &version, format });
            }
            records
        });
        records = added.await.map_err(|error| Error::Internal(error.to_string()))?;
    }
    for (key, reason) in &records.damaged {
        tracing::warn!(key, reason, "Left out a damaged record.");
    }
    Ok(records)
}

/// Which records are used.
#[derive(Clone, Copy)]
struct Selection<'a> {
    /// Day that the record is stored under.
    day: Date,
    window: Window,
    version: &'a str,
    /// Format of the drift reference.
    format: u32,
}

impl Records {
    fn add(&mut self, key: &str, bytes: &[u8], selection: Selection<'_>) {
        let record = match parse(bytes) {
            Ok(record) => record,
            Err(reason) => {
                self.damaged.insert(key.to_owned(), reason);
                return;
            }
        };
        if !selection.window.contains(selection.day, record.time) {
            return;
        }
        if record.model_version != selection.version {
            *self.other_versions.entry(record.model_version).or_default() += 1;
            return;
        }
        let mut features = record.features;
        if record.format_version != selection.format {
            features.retain(|name, _| is_model_feature(name));
            self.model_features_only += 1;
        }
        self.used.push(Used { id: record.id, case: record.case, features });
    }

    /// Returns a note for the report if there are records of which only the model features are used.
    pub fn note(&self) -> Option<String> {
        let (count, used) = (self.model_features_only, self.used.len());
        (count > 0).then(|| {
            format!(
                "{count} of {used} records are compared on model features (class fractions, confidence, entropy) only: \
                 their image features were measured otherwise than those of the drift reference (format 1: over the \
                 whole image; format 2: per model window), so they are not comparable"
            )
        })
    }
}

fn parse(bytes: &[u8]) -> Result<PredictionRecord, String> {
    let record: PredictionRecord = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !READABLE.contains(&record.format_version) {
        return Err(format!(
            "has format_version {}; this program reads {} to {}",
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
            "features": {"grey_mean": 0.5, "confidence": 0.9}, "classes": [], "confidence": 0.5, "entropy": 0.5,
            "drift_score": null, "mask": "m", "latency_ms": 1.0
        });
        (id, record.to_string())
    }

    fn baseline(format_version: u32) -> Baseline {
        Baseline {
            version: "v1".to_owned(),
            format_version,
            shortcomings: None,
            table: bcs_drift::Table::default(),
            sha256: String::new(),
        }
    }

    #[tokio::test]
    async fn records_are_classified_by_time_version_and_damage() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        let put = async |day: &str, name: String, text: String| {
            let key = format!("records/date={day}/{name}.json");
            store.put(&key, text.into(), PutMode::Create).await.unwrap();
        };
        let (wanted, text) = record("v1", "2026-11-22T10:00:00Z", 2);
        put("2026-11-22", wanted.to_string(), text.clone()).await;
        put("2026-11-22", "cut".into(), text[..50].to_owned()).await;
        put("2026-11-22", "newer".into(), record("v1", "2026-11-22T10:00:00Z", 3).1).await;
        put("2026-11-22", "other".into(), record("v2", "2026-11-22T10:00:00Z", 2).1).await;
        put("2026-11-22", "late".into(), record("v1", "2026-11-22T12:00:00Z", 2).1).await;
        put("2026-11-21", "before".into(), record("v1", "2026-11-21T10:00:00Z", 2).1).await;

        let bound = |text: &str| text.parse().unwrap();
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        let window = Window::between(bound("2026-11-22"), Some(bound("2026-11-22T12:00:00Z")), now).unwrap();
        let records = collect(&store, window, "v1", &baseline(2)).await.unwrap();
        assert_eq!(records.used.iter().map(|used| used.id).collect::<Vec<_>>(), [wanted]);
        let damaged: Vec<&str> = records.damaged.keys().map(String::as_str).collect();
        assert_eq!(damaged, ["records/date=2026-11-22/cut.json", "records/date=2026-11-22/newer.json"]);
        assert_eq!(records.other_versions, BTreeMap::from([("v2".to_owned(), 1)]));
        assert_eq!((records.model_features_only, records.note()), (0, None));
    }

    #[test]
    fn image_features_are_used_only_if_record_and_reference_have_the_same_format() {
        let day = "2026-11-22".parse().unwrap();
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        let window = Window::latest(1, now).unwrap();
        for format in [1, 2] {
            let mut records = Records::default();
            for record_format in [1, 2] {
                let (_, text) = record("v1", "2026-11-22T10:00:00Z", record_format);
                records.add("key", text.as_bytes(), Selection { day, window, version: "v1", format });
            }
            for (record_format, used) in [1, 2].into_iter().zip(&records.used) {
                assert_eq!(used.features.contains_key("grey_mean"), record_format == format);
                assert!(used.features.contains_key("confidence"));
            }
            assert_eq!(records.model_features_only, 1);
            assert!(records.note().unwrap().starts_with("1 of 2 records"));
        }
    }
}
