//! Records, reports and model package in Google Cloud Storage, played by an emulator.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bcs_storage::gcs::Endpoint;
use bcs_storage::{GcsStore, PutMode, Store, Uri};
use bcs_tests::Emulator;
use serde_json::Value;

use crate::support::{Server, World, stderr, stdout};

const BUCKETS: [&str; 3] = ["predictions", "reports", "models"];

/// Starts an emulator with the three buckets.
async fn emulator() -> Option<Emulator> {
    let emulator = Emulator::start()?;
    for bucket in BUCKETS {
        emulator.create_bucket(bucket).await;
    }
    Some(emulator)
}

async fn open(emulator: &Emulator, bucket: &str) -> Arc<dyn Store> {
    let uri = Uri::parse(&format!("gs://{bucket}")).unwrap();
    Arc::new(GcsStore::connect(&uri, &Endpoint::named(&emulator.address())).await.unwrap())
}

/// Copies the folder of a world into a bucket.
async fn copy(folder: &Path, store: &dyn Store, prefix: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let key = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            Box::pin(copy(&path, store, &format!("{key}/"))).await;
        } else {
            store.put(&key, std::fs::read(&path).unwrap().into(), PutMode::Create).await.unwrap();
        }
    }
}

/// Returns a world whose records and package are in the emulator, and not in its folder.
async fn world(emulator: &Emulator) -> World {
    let world = World::new();
    world.predict(60, 2, 1.5);
    copy(&world.path("predictions"), open(emulator, "predictions").await.as_ref(), "").await;
    copy(&world.path("model"), open(emulator, "models").await.as_ref(), "run/best/").await;
    for folder in ["predictions", "model"] {
        std::fs::remove_dir_all(world.path(folder)).unwrap();
    }
    world
}

/// Sets the variables of a program for the buckets of an emulator.
fn with_buckets<'a>(command: &'a mut Command, emulator: &Emulator) -> &'a mut Command {
    command.env("STORAGE_MODE", "gcp").env("STORAGE_EMULATOR_HOST", emulator.address());
    command.env("MODEL_REPOSITORY", "models").env("MODEL_PATH", "run/best");
    command.env("PREDICTIONS_BUCKET", "predictions").env("REPORTS_BUCKET", "gs://reports/drift")
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_bucket_are_compared_and_the_report_is_stored_once() {
    let Some(emulator) = emulator().await else { return };
    let world = world(&emulator).await;
    let processes = [(); 2].map(|()| {
        let mut command = world.command();
        with_buckets(&mut command, &emulator)
            .arg("run")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    let outputs = processes.map(|process| process.wait_with_output().unwrap());
    for output in &outputs {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        assert!(stdout(output).contains("gs://reports/drift/reports/"), "{}", stdout(output));
    }
    let new = outputs.iter().filter(|output| stdout(output).contains("Report (new)")).count();
    assert_eq!(new, 1, "{}{}", stdout(&outputs[0]), stdout(&outputs[1]));

    let reports = open(&emulator, "reports").await;
    let keys = reports.list("drift/reports/").await.unwrap();
    assert_eq!(keys.len(), 2, "{keys:?}");
    let json = keys.iter().find(|key| key.ends_with(".json")).unwrap();
    let report: Value = serde_json::from_slice(&reports.get(json).await.unwrap()).unwrap();
    assert_eq!((&report["current_rows"], &report["dataset_drift"]), (&60.into(), &true.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_ready_while_its_buckets_are() {
    let Some(mut emulator) = emulator().await else { return };
    let world = world(&emulator).await;
    let mut command = world.command();
    with_buckets(&mut command, &emulator);
    let server = Server::start_with(command);
    assert_eq!(server.json("/ready").await.0, 200);
    let (status, report) = server.post("").await;
    assert_eq!((status.as_u16(), &report["dataset_drift"]), (201, &true.into()), "{report}");
    assert_eq!(server.post("").await.0, 200);
    let (_, listed) = server.json("/reports").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");

    emulator.stop();
    let (status, problem) = server.json("/ready").await;
    assert_eq!(status, 503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(!detail.contains("gs://reports") && !detail.contains("127.0.0.1"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_an_error_that_names_it() {
    let Some(emulator) = emulator().await else { return };
    let world = world(&emulator).await;
    let mut command = world.command();
    let run = with_buckets(&mut command, &emulator).arg("run").env("REPORTS_BUCKET", "no-such-bucket");
    let run = run.output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("gs://no-such-bucket"), "{}", stderr(&run));
}
