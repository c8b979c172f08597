//! End to end on synthetic tissue: train, evaluate, serve, predict, find the record, test for drift.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::path::{Path, PathBuf};

use bcs_tests::{SMALL, Server, package, run, run_ok};
use serde_json::Value;

/// Least pooled Dice of tumour on the held-out slides. Predicting tumour everywhere reaches 0.6; training reached 0.83.
const MIN_DICE: f64 = 0.75;

/// Columns of the BigQuery table of records.
const COLUMNS: &str = include_str!("../../deploy/terraform/modules/bigquery/record.schema.json");

#[tokio::test]
async fn a_model_is_trained_served_and_monitored() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    run_ok(
        "bcs-trainer",
        &["synthesize", "--output", "tissue", "--slides", "20", "--tiles", "12", "--size", "64"],
        here,
        &[],
    );
    let longer =
        ["train_hyp.max_epochs=25", "train_hyp.training_batch_size=8", "train_hyp.learning_rate=1e-2"];
    let arguments = [&SMALL[..], &longer].concat();
    let printed = run_ok("bcs-trainer", &arguments, here, &[]);
    assert!(printed.contains("epoch 24") && printed.contains("val_metric"));
    let package = package(&here.join("models"));
    check_package(&package);
    let dice = evaluate(here, &package);
    assert!(dice >= MIN_DICE, "the model has not learned: pooled Dice {dice} on held-out slides");

    // Four slides that it has never seen, but of the same kind, do not drift; in inverted colours they do.
    let familiar = tiles(&here.join("tissue/test"));
    predict(here, &package, "familiar", &familiar).await;
    assert_eq!(monitor(here, &package, "familiar"), 0);
    let inverted: Vec<PathBuf> = familiar.iter().map(|tile| invert(tile, &here.join("inverted"))).collect();
    predict(here, &package, "foreign", &inverted).await;
    assert_eq!(monitor(here, &package, "foreign"), 3);
    check_report(here, &package).await;
}

fn check_package(package: &Path) {
    let metadata = json(package.join("metadata.json"));
    assert_eq!(metadata["classes"][1]["name"], "tumour");
    assert_eq!(metadata["input"]["tile"], serde_json::json!([64, 64]));
    assert_eq!(metadata["validation"]["counted"], serde_json::json!(["tumour"]));
    for file in ["model.safetensors", "config.yaml", "reference.json"] {
        assert!(metadata["files"][file].as_str().is_some_and(|sum| sum.len() == 64), "{file}");
    }
    let reference = json(package.join("reference.json"));
    let cases = |part: &str| reference[part]["cases"].as_array().unwrap().clone();
    assert_eq!((cases("image").len(), cases("model").len()), (144, 48), "training and validation tiles");
    assert!(cases("image").iter().all(|case| case.as_str().is_some_and(|case| case.starts_with("SYNT-"))));
    for feature in ["confidence", "embedding_0", "embedding_7"] {
        assert!(reference["model"]["features"][feature].is_array(), "{feature}");
    }
}

/// Evaluates the package on the held-out slides, and returns the pooled Dice of tumour.
fn evaluate(here: &Path, package: &Path) -> f64 {
    let printed = run_ok(
        "bcs-trainer",
        &["evaluate", "--model", text(package), "--images", "tissue/test", "--masks", "tissue/test_mask"],
        here,
        &[],
    );
    assert!(printed.contains("tumour"), "{printed}");
    let evaluation = json(here.join("evaluation/evaluation.json"));
    assert_eq!(evaluation["images"], 48);
    evaluation["dice"].as_f64().unwrap()
}

/// Serves the package, segments tiles over HTTP, and checks that each is stored when it is answered.
async fn predict(here: &Path, package: &Path, bucket: &str, tiles: &[PathBuf]) {
    let version = json(package.join("metadata.json"))["version"].as_str().unwrap().to_owned();
    let server = Server::start(
        "bcs-predictor",
        here,
        &[("MODEL_PATH", text(package)), ("PREDICTIONS_BUCKET", bucket)],
    );
    server.ready().await;
    let client = reqwest::Client::new();
    for tile in tiles {
        let name = tile.file_name().unwrap().to_str().unwrap().to_owned();
        let case = name.split('-').take(3).collect::<Vec<_>>().join("-");
        let part = reqwest::multipart::Part::bytes(std::fs::read(tile).unwrap()).file_name(name);
        let form = reqwest::multipart::Form::new().part("data", part);
        let request = client.post(server.url("/predict-img/")).header("x-source", "scanner-1");
        let answer = request.multipart(form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-model-version"), version);
        let id = header("x-prediction-id");
        let overlay = image::load_from_memory(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!((overlay.width(), overlay.height()), (64, 64));
        // A 200 means stored: record and mask are in the bucket by now.
        let records = std::fs::read_dir(here.join(bucket).join("records")).unwrap();
        let day = records.map(|entry| entry.unwrap().path()).next().unwrap();
        let record = json(day.join(format!("{id}.json")));
        assert_eq!((&record["format_version"], &record["id"]), (&Value::from(2), &Value::from(id)));
        assert_eq!((&record["source"], &record["case"]), (&Value::from("scanner-1"), &Value::from(case)));
        assert!(record["features"]["embedding_7"].is_f64(), "{record}");
        check_columns(&record, &serde_json::from_str(COLUMNS).unwrap(), "record");
        let mask = image::open(here.join(bucket).join(record["mask"].as_str().unwrap())).unwrap();
        assert_eq!((mask.width(), mask.height()), (64, 64));
    }
}

/// Checks that all fields are columns of the BigQuery table of records, but for the areas of classes.
fn check_columns(fields: &Value, columns: &Value, path: &str) {
    let named = fields.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("fraction_"));
    for (name, value) in named {
        let column = columns.as_array().unwrap().iter().find(|column| column["name"] == name.as_str());
        let column = column.unwrap_or_else(|| panic!("{path}.{name} is no column of the BigQuery table"));
        let rows = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let objects = rows.iter().filter(|row| row.is_object());
        objects.for_each(|row| check_columns(row, &column["fields"], &format!("{path}.{name}")));
    }
}

/// Runs the monitor over a bucket of predictions, and returns its exit code.
fn monitor(here: &Path, package: &Path, bucket: &str) -> i32 {
    let environment =
        [("MODEL_PATH", text(package)), ("PREDICTIONS_BUCKET", bucket), ("REPORTS_BUCKET", "reports")];
    let output = run("bcs-drift-monitor", &["run", "--days", "1", "--fail-on-drift"], here, &environment);
    output.status.code().unwrap()
}

/// Serves the reports, and checks that the page of the newest one names features of image and prediction.
async fn check_report(here: &Path, package: &Path) {
    let server = Server::start(
        "bcs-drift-monitor",
        here,
        &[("MODEL_PATH", text(package)), ("PREDICTIONS_BUCKET", "foreign"), ("REPORTS_BUCKET", "reports")],
    );
    server.ready().await;
    let client = reqwest::Client::new();
    let run = client.post(server.url("/run")).send().await.unwrap();
    assert!(run.status().is_success(), "{}", run.status());
    let page = client.get(server.url("/")).header("accept", "text/html").send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("<h1>Drift in ") && page.contains("stain and colour"), "{page}");
    for feature in ["grey_mean", "fraction_tumour", "embedding_7"] {
        assert!(page.contains(&format!("data-feature=\"{feature}\"")), "{page}");
    }
}

fn tiles(folder: &Path) -> Vec<PathBuf> {
    let mut tiles: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    tiles.sort();
    tiles
}

fn invert(tile: &Path, folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let mut image = image::open(tile).unwrap().to_rgb8();
    image::imageops::invert(&mut image);
    let path = folder.join(tile.file_name().unwrap());
    image.save(&path).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
