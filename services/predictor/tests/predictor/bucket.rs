//! Predictions and models in Google Cloud Storage, played by an emulator.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_storage::gcs::Endpoint;
use bcs_storage::{GcsStore, PutMode, Store, Uri};
use bcs_tests::Emulator;
use serde_json::Value;
use uuid::Uuid;

use crate::operation::wait_until;
use crate::server::{self, Server, problem};
use crate::{images, package};

/// Starts an emulator with the buckets `predictions` and `models`.
async fn emulator() -> Option<Emulator> {
    let emulator = Emulator::start()?;
    for bucket in ["predictions", "models"] {
        emulator.create_bucket(bucket).await;
    }
    Some(emulator)
}

/// Opens a bucket at the address of an emulator.
pub(crate) async fn open(address: &str, bucket: &str) -> Arc<dyn Store> {
    let uri = Uri::parse(&format!("gs://{bucket}")).unwrap();
    Arc::new(GcsStore::connect(&uri, &Endpoint::named(address)).await.unwrap())
}

/// Starts a server whose predictions are in an emulator, with a local model, and waits until it is ready.
pub(crate) async fn server(address: &str, settings: &str) -> Server {
    let variables =
        [("STORAGE_MODE", "gcp"), ("PREDICTIONS_BUCKET", "predictions"), ("STORAGE_EMULATOR_HOST", address)];
    Server::ready_with(&variables, settings).await
}

/// Keys of mask and record of a prediction.
pub(crate) fn keys_of(id: &str) -> [String; 2] {
    let id: Uuid = id.parse().unwrap();
    let day = bcs_contracts::keys::day_of(id).unwrap();
    [bcs_contracts::keys::mask(day, id), bcs_contracts::keys::record(day, id)]
}

/// Copies the files of a folder into a bucket.
async fn copy(folder: &Path, store: &dyn Store, prefix: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let key = format!("{prefix}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            Box::pin(copy(&path, store, &key)).await;
        } else {
            store.put(&key, fs::read(&path).unwrap().into(), PutMode::Overwrite).await.unwrap();
        }
    }
}

/// Writes a model of this version into the bucket of the models.
async fn write_model(store: &dyn Store, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    package::write_version(folder.path(), version);
    copy(folder.path(), store, version).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_are_stored_in_a_bucket() {
    let Some(emulator) = emulator().await else { return };
    let server = server(&emulator.address(), "storage: {store_inputs: true}").await;
    let store = open(&emulator.address(), "predictions").await;
    let image = images::png(90, 70);
    let response = server.predict("?output=mask", image.clone()).await;
    assert_eq!(response.status(), 200);
    let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let mask = response.bytes().await.unwrap();

    let [mask_key, record_key] = keys_of(&id);
    assert_eq!(store.get(&mask_key).await.unwrap(), mask);
    let record = store.get(&record_key).await.unwrap();
    let fields: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!((&fields["id"], &fields["mask"]), (&id.as_str().into(), &mask_key.as_str().into()));
    let inputs = store.list("inputs/").await.unwrap();
    assert_eq!((inputs.len(), store.get(&inputs[0]).await.unwrap()), (1, image.into()));
    assert_eq!(store.list("").await.unwrap().len(), 3);

    assert_eq!(server.get(&format!("/predictions/{id}")).await.bytes().await.unwrap(), record);
    assert_eq!(server.get(&format!("/predictions/{id}/mask")).await.bytes().await.unwrap(), mask);
    let unknown = format!("/predictions/{}", Uuid::now_v7());
    problem(server.get(&unknown).await, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_name_objects_in_buckets() {
    let Some(emulator) = emulator().await else { return };
    emulator.create_bucket("tiles").await;
    let tiles = open(&emulator.address(), "tiles").await;
    let key = "site 1/TCGA-A2-A1G6-DX1_xmin1_ymin2_MPP-0.5_0_0_size224.png";
    let image = images::png(90, 70);
    tiles.put(key, image.clone().into(), PutMode::Create).await.unwrap();
    tiles.put("notes.txt", "text".into(), PutMode::Create).await.unwrap();
    let server = server(&emulator.address(), "limits: {max_upload_bytes: 100000}").await;
    tiles.put("large.png", vec![0; 100_001].into(), PutMode::Create).await.unwrap();

    let predict = async |key: &str| {
        let body = serde_json::json!({"instances": [{"gcs_uri": format!("gs://tiles/{key}")}]});
        let request = server.client.post(format!("{}/predict", server.address));
        request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap()
    };
    let response = predict(key).await;
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    let prediction = &answer["predictions"][0];
    assert!(prediction["classes"][0]["area_mm2"].is_number(), "the resolution is in the name: {prediction}");
    let id = prediction["id"].as_str().unwrap();
    assert_eq!(server.json(&format!("/predictions/{id}")).await["case"], "TCGA-A2-A1G6");
    let uploaded = server.predict("?output=mask", image).await.bytes().await.unwrap();
    assert_eq!(server.get(&format!("/predictions/{id}/mask")).await.bytes().await.unwrap(), uploaded);

    for (key, status) in [("missing.png", 404), ("notes.txt", 415), ("large.png", 413)] {
        let detail = problem(predict(key).await, status).await;
        assert!(detail.contains("instances[0]"), "{key}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_used_prevents_the_start() {
    let Some(emulator) = emulator().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = package::write(folder.path());
    for (bucket, code, reason) in [("no-such-bucket", 1, "does not exist"), ("Predictions", 2, "lower-case")]
    {
        let variables = [
            ("STORAGE_MODE", "gcp"),
            ("PREDICTIONS_BUCKET", bucket),
            ("STORAGE_EMULATOR_HOST", &emulator.address()),
            ("MODEL_PATH", model.to_str().unwrap()),
        ];
        let output = server::run(folder.path(), &variables, "");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(reason) && text.contains("PREDICTIONS_BUCKET"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_bucket_and_is_ready_with_it() {
    let Some(mut emulator) = emulator().await else { return };
    emulator.stop();
    let folder = tempfile::tempdir().unwrap();
    let model = package::write(folder.path());
    let address = emulator.address();
    let variables = [("PREDICTIONS_BUCKET", "gs://predictions"), ("STORAGE_EMULATOR_HOST", address.as_str())];
    let server = Server::start(folder, &model, &variables, "limits: {store_timeout: 0.5}");
    wait_until(&server, |info| info["status"] == "ready").await;
    assert!(problem(server.get("/ready").await, 503).await.contains("store"));
    let response = server.predict("", images::png(64, 64)).await;
    assert!(response.headers().contains_key("retry-after"));
    let detail = problem(response, 503).await;
    assert!(detail.contains("cannot be stored") && !detail.contains("predictions"), "{detail}");

    emulator.restart();
    emulator.create_bucket("predictions").await;
    assert_eq!(server.get("/ready").await.status(), 200);
    assert_eq!(server.predict("", images::png(64, 64)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_does_not_wait_for_its_store() {
    let Some(mut emulator) = emulator().await else { return };
    // Far longer than the server has for its end.
    let server = server(&emulator.address(), "limits: {store_timeout: 600}").await;
    emulator.stop();
    let request = server.client.post(format!("{}/predict-img/", server.address));
    let part = reqwest::multipart::Part::bytes(images::png(64, 64)).file_name("tile");
    let request = request.multipart(reqwest::multipart::Form::new().part("data", part)).send();
    let request = tokio::spawn(request);
    let rendered = "bcs_predictor_render_seconds_count 1\n";
    eventually("the request is stored", async || {
        server.get("/metrics").await.text().await.unwrap().contains(rendered)
    })
    .await;
    assert!(server.stop().success());
    let response = request.await.unwrap().unwrap();
    assert!(response.headers().contains_key("retry-after"));
    problem(response, 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_come_from_a_repository_and_are_kept() {
    let Some(mut emulator) = emulator().await else { return };
    let models = open(&emulator.address(), "models").await;
    write_model(models.as_ref(), package::VERSION).await;
    let cache = tempfile::tempdir().unwrap();
    let (address, key) = (emulator.address(), format!("{}/{}", package::VERSION, package::PATH));
    let variables = [
        ("STORAGE_MODE", "gcp"),
        ("MODEL_REPOSITORY", "models"),
        ("MODEL_CACHE", cache.path().to_str().unwrap()),
        ("PREDICTIONS_BUCKET", "predictions"),
        ("STORAGE_EMULATOR_HOST", &address),
    ];
    let start = || async {
        let server = Server::start(tempfile::tempdir().unwrap(), Path::new(&key), &variables, "");
        wait_until(&server, |info| info["status"] == "ready").await;
        let response = server.predict("", images::png(64, 64)).await;
        assert_eq!(response.headers()["x-model-version"], package::VERSION);
        assert!(response.headers().contains_key("x-drift-score"));
    };
    start().await;
    let kept = || fs::read_dir(cache.path()).unwrap().count();
    assert_eq!(kept(), 1);
    start().await;
    assert_eq!(kept(), 1);
    emulator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_model_is_waited_for() {
    let Some(emulator) = emulator().await else { return };
    let models = open(&emulator.address(), "models").await;
    let (address, uri) = (emulator.address(), format!("gs://models/new/{}", package::PATH));
    let variables = [("STORAGE_EMULATOR_HOST", address.as_str())];
    let server = Server::start(tempfile::tempdir().unwrap(), Path::new(&uri), &variables, "");
    wait_until(&server, |info| info["status"] == "failed").await;
    let detail = problem(server.get("/ready").await, 503).await;
    assert!(detail.contains("no model") && detail.contains("new"), "{detail}");
    write_model(models.as_ref(), "new").await;
    wait_until(&server, |info| info["model"]["version"] == "new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_in_a_bucket_are_replaced_and_bad_ones_are_refused() {
    let Some(mut emulator) = emulator().await else { return };
    let models = open(&emulator.address(), "models").await;
    for version in ["v1", "v2", "bad"] {
        write_model(models.as_ref(), version).await;
    }
    let damaged = if cfg!(feature = "libtorch") { "model/model.safetensors" } else { package::PATH };
    models.put(&format!("bad/{damaged}"), "damaged".into(), PutMode::Overwrite).await.unwrap();
    let point_to = async |version: &str| {
        let key = format!("{version}/{}\n", package::PATH);
        models.put("current.txt", key.into(), PutMode::Overwrite).await.unwrap();
    };
    point_to("v1").await;

    let address = emulator.address();
    let variables = [("MODEL_RELOAD", "0.02"), ("STORAGE_EMULATOR_HOST", address.as_str())];
    let pointer = Path::new("gs://models/current.txt");
    let server = Server::start(tempfile::tempdir().unwrap(), pointer, &variables, "");
    let version = |version: &'static str| move |info: &Value| info["model"]["version"] == version;
    wait_until(&server, version("v1")).await;
    point_to("v2").await;
    wait_until(&server, version("v2")).await;
    point_to("bad").await;
    wait_until(&server, |info| info["refused_model"].is_string()).await;
    assert!(version("v2")(&server.json("/info").await));
    // The objects of the same key are replaced.
    write_model(models.as_ref(), "bad").await;
    wait_until(&server, version("bad")).await;

    emulator.stop();
    assert_eq!(server.predict("", images::png(64, 64)).await.status(), 200);
    assert_eq!(server.get("/ready").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_segmented_by_a_model_in_a_bucket() {
    let Some(emulator) = emulator().await else { return };
    let models = open(&emulator.address(), "models").await;
    write_model(models.as_ref(), package::VERSION).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.png"), images::png(64, 64)).unwrap();
    let uri = format!("gs://models/{}/{}", package::VERSION, package::PATH);
    let predict = |uri: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bcs-predictor"));
        command.args(["predict", "--input", "a.png", "--output", "out", "--device", "cpu", "--model", uri]);
        command.env("STORAGE_EMULATOR_HOST", emulator.address()).current_dir(folder.path()).output().unwrap()
    };
    let output = predict(&uri);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record = fs::read(folder.path().join("out/a.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["model_version"], package::VERSION);

    let output = predict("gs://models/nothing");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("gs://models/nothing"), "{text}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_not_ready() {
    let server = Server::ready().await;
    let unfinished = server.bucket().join(".unfinished");
    fs::remove_dir_all(&unfinished).unwrap();
    // Also for root, whom permissions do not bind.
    fs::write(&unfinished, "in the way").unwrap();
    problem(server.get("/ready").await, 503).await;
    problem(server.predict("", images::png(64, 64)).await, 503).await;
    fs::remove_file(&unfinished).unwrap();
    assert_eq!(server.get("/ready").await.status(), 200);
}

/// Waits until a condition of a store holds.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
