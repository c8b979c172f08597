use bcs_storage::LocalStore;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;
use crate::records::tests::{key, record};

#[tokio::test]
async fn a_day_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
    let mut ids = Vec::new();
    for hour in ["10", "11"] {
        let (id, text) = record("v1", &format!("2026-11-22T{hour}:00:00Z"), 2);
        store.put(&key(id), text.into(), PutMode::Create).await.unwrap();
        ids.push(id.to_string());
    }
    let put = |key: &'static str| store.put(key, "{".into(), PutMode::Create);
    put("records/date=2026-11-22/cut.json").await.unwrap();
    put("compact/date=2026-11-22/part-00007.parquet").await.unwrap();

    let compacted = compact(&store, store.as_ref(), "2026-11-22".parse().unwrap()).await.unwrap();
    let parts = vec!["compact/date=2026-11-22/part-00000.parquet".to_owned()];
    assert_eq!(compacted, Compacted { rows: 2, parts: parts.clone(), damaged: 1 });
    assert_eq!(store.list("compact/").await.unwrap(), parts);

    let reader = SerializedFileReader::new(store.get(&parts[0]).await.unwrap()).unwrap();
    let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
    assert!(rows.len() == 2 && rows[0].contains(&ids[0]) && rows[1].contains(&ids[1]), "{rows:?}");
    for cell in
        ["2026-11-22 10:00:00", "case: null", "source: \"scanner 1\"", "confidence: 0.9", "grey_mean: 0.5"]
    {
        assert!(rows[0].contains(cell), "{cell}: {}", rows[0]);
    }
}

#[test]
fn features_that_appear_late_need_another_part() {
    let columns = |name: &str| {
        let mut columns = Columns::default();
        let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
        columns.push(serde_json::from_str(&text.replace("grey_mean", name)).unwrap());
        columns
    };
    let part = Part::new(&columns("grey_mean")).unwrap();
    assert!(part.has(&columns("grey_mean")) && !part.has(&columns("sharpness")));
    // Rows without one of the features have no value.
    let mut both = columns("grey_mean");
    let (_, text) = record("v1", "2026-11-22T10:00:00Z", 2);
    both.push(serde_json::from_str(&text.replace("grey_mean", "sharpness")).unwrap());
    assert_eq!(both.feature("grey_mean"), [Some(0.5), None]);
    assert_eq!(both.feature("sharpness"), [None, Some(0.5)]);
}
