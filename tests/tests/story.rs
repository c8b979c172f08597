//! The whole story on synthetic tissue: train a few steps, serve, predict, find the record, compare by drift.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::path::Path;

use bcs_tests::{SMALL, Server, package, run_ok};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn tissue_is_learnt_served_stored_and_watched() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    run_ok(
        "bcs-trainer",
        &["synthesize", "--output", "tissue", "--slides", "5", "--tiles", "6", "--size", "64"],
        here,
        &[],
    );
    let printed = run_ok("bcs-trainer", &SMALL, here, &[]);
    assert!(printed.contains("epoch 01") && printed.contains("val_metric"));
    let package = package(&here.join("models"));
    let metadata = json(package.join("metadata.json"));
    assert_eq!(metadata["classes"][1]["name"], "tumour");
    assert_eq!(metadata["input"]["tile"], serde_json::json!([64, 64]));
    for file in ["model.safetensors", "config.yaml", "reference.json"] {
        assert!(metadata["files"][file].as_str().is_some_and(|sum| sum.len() == 64), "{file}");
    }
    let reference = json(package.join("reference.json"));
    assert_eq!(reference["features"]["grey_mean"].as_array().unwrap().len(), 18);

    let evaluated = run_ok(
        "bcs-trainer",
        &["evaluate", "--model", text(&package), "--images", "tissue/test", "--masks", "tissue/test_mask"],
        here,
        &[],
    );
    assert!(evaluated.contains("Dice pooled"));
    assert_eq!(json(here.join("evaluation/evaluation.json"))["images"], 6);

    let environment = [("MODEL_PATH", text(&package)), ("PREDICTIONS_BUCKET", "predictions")];
    let server = Server::start("bcs-predictor", here, &environment);
    server.ready().await;
    let client = reqwest::Client::new();
    let mut tiles = std::fs::read_dir(here.join("tissue/test")).unwrap().map(|entry| entry.unwrap().path());
    for tile in tiles.by_ref() {
        let bytes = std::fs::read(&tile).unwrap();
        let part = reqwest::multipart::Part::bytes(bytes).file_name("tile.png");
        let form = reqwest::multipart::Form::new().part("data", part);
        let answer = client.post(server.url("/predict-img/")).multipart(form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-model-version"), metadata["version"].as_str().unwrap());
        assert!((0.0..=1.0).contains(&header("x-drift-score").parse::<f64>().unwrap()));
        let id = header("x-prediction-id");
        let overlay = image::load_from_memory(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!((overlay.width(), overlay.height()), (64, 64));
        // A 200 means stored: both are in the folder by now.
        let records = std::fs::read_dir(here.join("predictions/records")).unwrap();
        let day = records.map(|entry| entry.unwrap().file_name()).next().unwrap();
        let record = json(here.join("predictions/records").join(&day).join(format!("{id}.json")));
        assert_eq!(record["id"], id.as_str());
        let mask = image::open(here.join("predictions").join(record["mask"].as_str().unwrap())).unwrap();
        assert_eq!((mask.width(), mask.height()), (64, 64));
    }
    drop(server);

    let environment = [
        ("MODEL_PATH", text(&package)),
        ("PREDICTIONS_BUCKET", "predictions"),
        ("REPORTS_BUCKET", "reports"),
    ];
    run_ok("bcs-drift-monitor", &["run", "--days", "1"], here, &environment);
    let monitor = Server::start("bcs-drift-monitor", here, &environment);
    monitor.ready().await;
    let run = client.post(monitor.url("/run")).send().await.unwrap();
    assert!(run.status().is_success(), "{}", run.status());
    let page = client.get(monitor.url("/")).header("accept", "text/html").send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("grey_mean") && page.contains("fraction_tumour"), "{page}");
}
