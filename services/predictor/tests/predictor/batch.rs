//! `bcs-predictor predict` on a bucket, by the tasks of a Cloud Run job.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bcs_storage::{PutMode, Store};
use bcs_tests::Emulator;
use serde_json::Value;

use crate::bucket::open;
use crate::server::Server;
use crate::{images, package};

/// Number of objects.
const COUNT: usize = 500;

/// Number of tasks.
const TASKS: usize = 4;

fn task(index: usize, model: &Path, emulator: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_bcs-predictor"))
        .args([
            "predict",
            "--device",
            "cpu",
            "--input",
            "gs://tiles/lab",
            "--output",
            "gs://results/lab",
            "--model",
        ])
        .arg(model)
        .env("STORAGE_EMULATOR_HOST", emulator)
        .env("CLOUD_RUN_TASK_INDEX", index.to_string())
        .env("CLOUD_RUN_TASK_COUNT", TASKS.to_string())
        .env("OMP_NUM_THREADS", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Ids of the records in the bucket, by key.
async fn ids(results: &dyn Store) -> BTreeMap<String, Value> {
    let mut ids = BTreeMap::new();
    for key in results.list("lab/").await.unwrap().into_iter().filter(|key| key.ends_with(".json")) {
        let record: Value = serde_json::from_slice(&results.get(&key).await.unwrap()).unwrap();
        ids.insert(key, record["id"].clone());
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_tasks_go_on_where_they_were() {
    let Some(emulator) = Emulator::start() else { return };
    emulator.create_bucket("tiles").await;
    emulator.create_bucket("results").await;
    let address = emulator.address();
    let (tiles, results) = (open(&address, "tiles").await, open(&address, "results").await);
    let image = images::png(72, 64);
    for at in 0..COUNT {
        let key = format!("lab/slide-{}/tile-{at:03}.png", at % 7);
        tiles.put(&key, image.clone().into(), PutMode::Create).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let model = package::write(folder.path());

    let mut killed: Vec<Child> = (0..2).map(|index| task(index, &model, &address)).collect();
    let start = Instant::now();
    while ids(results.as_ref()).await.len() < 20 {
        assert!(start.elapsed() < Duration::from_secs(60), "the tasks store no records");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for child in &mut killed {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let before = ids(results.as_ref()).await;
    assert!(before.len() < COUNT / 2, "{} were done before the tasks were killed", before.len());

    let all: Vec<Child> = (0..TASKS).map(|index| task(index, &model, &address)).collect();
    for child in all {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let after = ids(results.as_ref()).await;
    assert_eq!(after.len(), COUNT);
    for (key, id) in &before {
        assert_eq!(after[key], *id, "{key} was segmented twice");
    }
    // Nothing is left to do.
    let output = task(0, &model, &address).wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("0 of 0") && text.contains(&format!("{} were", COUNT / TASKS)), "{text}");

    let server = Server::ready().await;
    let mask = server.predict("?output=mask", image.clone()).await.bytes().await.unwrap();
    let overlay = server.predict("", image).await.bytes().await.unwrap();
    for slide in ["slide-0/tile-000", "slide-3/tile-010"] {
        assert_eq!(results.get(&format!("lab/{slide}_mask.png")).await.unwrap(), mask);
        assert_eq!(results.get(&format!("lab/{slide}_overlay.png")).await.unwrap(), overlay);
    }
}
