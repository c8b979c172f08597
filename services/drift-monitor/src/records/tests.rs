use std::sync::Arc;

use bcs_contracts::keys;
use bcs_storage::{LocalStore, PutMode, Store};
use jiff::tz::TimeZone;
use serde_json::json;
use uuid::{NoContext, Uuid};

use super::*;
use crate::window::Window;

/// Returns a record that arrived at this time.
pub(crate) fn record(version: &str, time: &str, format_version: u32) -> (Uuid, String) {
    record_of(version, time, format_version, "")
}

fn record_of(version: &str, time: &str, format_version: u32, sha256: &str) -> (Uuid, String) {
    let arrived: Timestamp = time.parse().unwrap();
    let seconds = u64::try_from(arrived.as_second()).unwrap();
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, 0));
    let record = json!({
        "format_version": format_version, "id": id, "time": time, "model_version": version, "source": "scanner 1",
        "input": {"sha256": sha256, "bytes": 1, "format": "png", "width": 1, "height": 1},
        "features": {"grey_mean": 0.5, "confidence": 0.9}, "classes": [], "confidence": 0.5, "entropy": 0.5,
        "drift_score": null, "mask": "m", "latency_ms": 1.0
    });
    (id, record.to_string())
}

/// Returns the key of a record.
pub(crate) fn key(id: Uuid) -> String {
    keys::record(keys::day_of(id).unwrap(), id)
}

struct Bucket {
    _folder: tempfile::TempDir,
    store: Arc<dyn Store>,
}

impl Bucket {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(LocalStore::open(folder.path()).unwrap());
        Self { _folder: folder, store }
    }

    async fn put(&self, key: String, text: &str) {
        self.store.put(&key, text.to_owned().into(), PutMode::Create).await.unwrap();
    }

    async fn predict(&self, time: &str) {
        let (id, text) = record("v1", time, 2);
        self.put(key(id), &text).await;
    }

    async fn collect(&self, scope: Scope) -> Records {
        collect(&self.store, &scope, &wanted(), Quality::default()).await.unwrap()
    }
}

fn wanted() -> Wanted {
    Wanted { version: "v1".to_owned(), format: 2, source: None }
}

fn window(from: &str, to: &str) -> Scope {
    let bound = |text: &str| text.parse().unwrap();
    Scope::Window(Window::between(bound(from), Some(bound(to)), Timestamp::now(), &TimeZone::UTC).unwrap())
}

#[tokio::test]
async fn records_are_classified_by_time_version_and_damage() {
    let bucket = Bucket::new();
    let (wanted, text) = record("v1", "2026-11-22T10:00:00Z", 2);
    bucket.put(key(wanted), &text).await;
    bucket.put("records/date=2026-11-22/cut.json".into(), &text[..50]).await;
    bucket.put("records/date=2026-11-22/copy.json".into(), &text).await;
    for (version, time, format) in [
        ("v1", "2026-11-22T10:00:00Z", 3),
        ("v2", "2026-11-22T10:00:00Z", 2),
        ("v1", "2026-11-22T12:00:00Z", 2),
        ("v1", "2026-11-21T10:00:00Z", 2),
    ] {
        let (id, text) = record(version, time, format);
        bucket.put(key(id), &text).await;
    }
    let records = bucket.collect(window("2026-11-22", "2026-11-22T12:00:00Z")).await;
    assert_eq!((records.used, records.table.rows()), (1, 1));
    assert_eq!(records.first, Some("2026-11-22T10:00:00Z".parse().unwrap()));
    let damaged: Vec<&str> = records.damaged.values().map(|reason| &reason[..6]).collect();
    assert_eq!(damaged, ["has fo", "is a c", "EOF wh"]);
    assert_eq!(records.other_versions, BTreeMap::from([("v2".to_owned(), 1)]));
    assert_eq!((records.model_features_only, records.notes()), (0, Vec::new()));
}

#[tokio::test]
async fn an_image_that_was_sent_again_counts_once() {
    let bucket = Bucket::new();
    for (sha256, count) in [("ab", 3), ("cd", 1)] {
        for _ in 0..count {
            let (id, text) = record_of("v1", "2026-11-22T10:00:00Z", 2, &sha256.repeat(32));
            bucket.put(key(id), &text).await;
        }
    }
    let records = bucket.collect(window("2026-11-22", "2026-11-22")).await;
    assert_eq!((records.used, records.repeated), (2, 2));
    assert!(records.notes()[0].starts_with("2 records are of images"), "{:?}", records.notes());
}

#[tokio::test]
async fn the_newest_records_are_found_over_days() {
    let bucket = Bucket::new();
    for time in
        ["2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"]
    {
        bucket.predict(time).await;
    }
    let now = "2026-11-23T00:00:00Z".parse().unwrap();
    let records = bucket.collect(Scope::Last(3, now)).await;
    assert_eq!((records.used, records.first), (3, Some("2026-11-20T11:00:00Z".parse().unwrap())));
    assert_eq!(bucket.collect(Scope::Last(9, now)).await.used, 4);
    let earlier = "2026-11-22T11:00:00Z".parse().unwrap();
    assert_eq!(
        bucket.collect(Scope::Last(1, earlier)).await.first,
        Some("2026-11-22T10:00:00Z".parse().unwrap())
    );
}

#[tokio::test]
async fn records_stored_late_are_counted_by_the_next_report() {
    let bucket = Bucket::new();
    let times =
        ["2026-11-22T10:00:00Z", "2026-11-22T12:00:00Z"].map(|time| time.parse::<Timestamp>().unwrap());
    let since = |from, to, seen| Scope::Since(Since { from, to, seen });
    bucket.predict("2026-11-22T09:00:00Z").await;
    let first = bucket.collect(since("2026-11-22T00:00:00Z".parse().unwrap(), times[0], None)).await;
    assert_eq!((first.used, first.recent.len()), (1, 1));
    // Arrived before the first report, stored after it.
    bucket.predict("2026-11-22T09:30:00Z").await;
    bucket.predict("2026-11-22T10:00:00Z").await;
    bucket.predict("2026-11-22T12:00:00Z").await;
    let second = bucket.collect(since(times[0], times[1], Some(first.recent))).await;
    assert_eq!((second.used, second.recent.len()), (2, 3));
    let third =
        bucket.collect(since(times[1], "2026-11-23T00:00:00Z".parse().unwrap(), Some(second.recent))).await;
    assert_eq!(third.used, 1);
}

#[test]
fn only_records_of_the_source_are_used() {
    let mut records = Records::default();
    let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
    for source in [Some("scanner 1"), Some("scanner 2"), None] {
        let wanted = Wanted { source: source.map(str::to_owned), ..wanted() };
        records.add("key", serde_json::from_str(&text).map_err(|error| error.to_string()), &wanted, true);
    }
    assert_eq!(records.used, 2);
}

#[test]
fn image_features_are_used_only_if_record_and_reference_have_the_same_format() {
    for format in [1, 2] {
        let mut records = Records::default();
        for record_format in [1, 2] {
            let (_, text) = record("v1", "2026-11-22T10:00:00Z", record_format);
            let parsed = serde_json::from_str(&text).map_err(|error| error.to_string());
            records.add("key", parsed, &Wanted { format, ..wanted() }, true);
        }
        records.finish();
        assert_eq!(records.table.features["grey_mean"].present().len(), 1);
        assert_eq!(records.table.features["confidence"].present().len(), 2);
        assert_eq!(records.model_features_only, 1);
        assert!(records.notes()[0].starts_with("1 of 2 records"));
    }
}
