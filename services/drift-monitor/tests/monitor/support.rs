//! Folders with a model package and predictions, and the program that runs on them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bcs_contracts::features::is_model_feature;
use bcs_contracts::record::{ClassFraction, FORMAT_VERSION, InputInfo};
use bcs_contracts::{Color, FeatureTable, Features, PredictionRecord, keys};
use jiff::{Timestamp, ToSpan};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::{NoContext, Uuid};

/// Version of the model.
pub(crate) const VERSION: &str = "train-2026-11-20_09-15-00-epoch=07-1f2e3d4c";

/// Features of the records; `confidence` is a model feature, the others are image features.
pub(crate) const FEATURES: [&str; 4] = ["confidence", "eosin_mean", "grey_mean", "sharpness"];

/// Folders with a model package, predictions and reports.
pub(crate) struct World {
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::trained_on(images(400, 1, 0.0))
    }

    /// Creates folders with a model that was trained on these images, of twenty cases by turns.
    pub(crate) fn trained_on(images: Vec<Features>) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let (mut image, mut model) = (FeatureTable::default(), FeatureTable::default());
        for (at, features) in images.into_iter().enumerate() {
            let (of_model, of_image) = features.into_iter().partition(|(name, _)| is_model_feature(name));
            let case = Some(format!("reference-{}", at % 20));
            image.push(case.clone(), &of_image);
            model.push(case, &of_model);
        }
        let reference = bcs_drift::reference::build(VERSION, image, model).unwrap();
        world.write_package(&serde_json::to_vec(&reference).unwrap());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Creates folders with a model package whose drift reference has format 1.
    pub(crate) fn with_format_1_reference() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, value) in images(400, 1, 0.0).into_iter().flatten() {
            columns.entry(name).or_default().push(value);
        }
        let reference =
            json!({"format_version": 1, "model_version": VERSION, "images": 400, "features": columns});
        world.write_package(&serde_json::to_vec(&reference).unwrap());
        world
    }

    fn write_package(&self, reference: &[u8]) {
        let sha256: String = Sha256::digest(reference).iter().map(|byte| format!("{byte:02x}")).collect();
        let metadata = json!({
            "version": VERSION, "architecture": {"name": "UNet"}, "files": {keys::REFERENCE_FILE: sha256},
        });
        std::fs::create_dir_all(self.path("model")).unwrap();
        std::fs::write(self.path("model").join(keys::REFERENCE_FILE), reference).unwrap();
        std::fs::write(self.path("model").join(keys::METADATA_FILE), metadata.to_string()).unwrap();
    }

    /// Stores predictions of images whose features are shifted by `shift` standard deviations, one per minute up to now.
    pub(crate) fn predict(&self, count: u32, seed: u64, shift: f64) {
        self.predict_as(VERSION, count, seed, shift);
    }

    /// Does the same for a model of this version.
    pub(crate) fn predict_as(&self, version: &str, count: u32, seed: u64, shift: f64) {
        self.store_records(version, FORMAT_VERSION, images(count, seed, shift));
    }

    /// Stores records of this format, one per minute up to now, of ten cases by turns.
    pub(crate) fn store_records(&self, version: &str, format_version: u32, images: Vec<Features>) {
        for (minutes, features) in (0..).zip(images) {
            let time = Timestamp::now() - minutes.minutes();
            let seconds = u64::try_from(time.as_second()).unwrap();
            let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, 0));
            let day = keys::day_of(id).unwrap();
            let case = (format_version > 1).then(|| format!("case-{}", minutes % 10));
            let record = PredictionRecord { format_version, case, ..record(id, time, version, features) };
            self.write_record(&keys::record(day, id), &serde_json::to_string(&record).unwrap());
        }
    }

    /// Stores a record of the model.
    pub(crate) fn store_record(&self, id: Uuid, time: Timestamp, case: &str, features: Features) {
        let day = keys::day_of(id).unwrap();
        let record = PredictionRecord { case: Some(case.to_owned()), ..record(id, time, VERSION, features) };
        self.write_record(&keys::record(day, id), &serde_json::to_string(&record).unwrap());
    }

    pub(crate) fn write_record(&self, key: &str, text: &str) {
        let path = self.path("predictions").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Returns the program with these folders, without arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = program();
        command
            .current_dir(self.folder.path())
            .env("MODEL_PATH", self.path("model"))
            .env("PREDICTIONS_BUCKET", self.path("predictions"))
            .env("REPORTS_BUCKET", self.path("reports"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().arg("run").args(arguments).output().unwrap()
    }

    /// Returns the only stored page.
    pub(crate) fn page(&self) -> String {
        let name = self.stored().into_iter().find(|name| name.ends_with(".html")).unwrap();
        std::fs::read_to_string(self.path("reports/reports").join(name)).unwrap()
    }

    /// Returns the stored records of the model.
    pub(crate) fn records(&self) -> Vec<Value> {
        let days = std::fs::read_dir(self.path("predictions/records")).unwrap();
        let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
        let records = files.map(|file| {
            serde_json::from_slice::<Value>(&std::fs::read(file.unwrap().path()).unwrap()).unwrap()
        });
        records.filter(|record| record["model_version"] == VERSION).collect()
    }

    /// Returns the stored reports.
    pub(crate) fn reports(&self) -> Vec<Value> {
        let names = self.stored().into_iter().filter(|name| name.ends_with(".json"));
        let read = |name| std::fs::read(self.path("reports/reports").join(name)).unwrap();
        names.map(|name| serde_json::from_slice(&read(name)).unwrap()).collect()
    }

    /// Returns the names of the stored reports and pages.
    pub(crate) fn stored(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path("reports/reports")) else {
            return Vec::new();
        };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }
}

/// Returns the program without the environment variables it reads.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bcs-drift-monitor"));
    let names = "STORAGE_MODE STORAGE_EMULATOR_HOST MODEL_PATH MODEL_REPOSITORY PREDICTIONS_BUCKET REPORTS_BUCKET \
                 OIDC_AUDIENCE OIDC_EMAILS OIDC_ISSUER OIDC_KEYS_URL PREDICTOR_URL TIME_ZONE WEBHOOK_URL WEBHOOK_SECRET HOST PORT RUST_LOG";
    for name in names.split(' ') {
        command.env_remove(name);
    }
    command.env("LOG_FORMAT", "json");
    command
}

/// Returns features of images, all shifted by `shift` standard deviations.
pub(crate) fn images(count: u32, seed: u64, shift: f64) -> Vec<Features> {
    images_shifted(count, seed, |_| shift)
}

/// Returns features of images, each feature shifted by as many standard deviations as `shift` returns for it.
pub(crate) fn images_shifted(count: u32, seed: u64, shift: impl Fn(&str) -> f64) -> Vec<Features> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    // The sum of four uniform values is bell-shaped, with mean 2 and standard deviation 0.58.
    let mut value =
        |name: &str| ((0..4).map(|_| uniform()).sum::<f64>() + 0.58 * shift(name)) * name.len() as f64;
    (0..count).map(|_| FEATURES.map(|name| (name.to_owned(), value(name))).into()).collect()
}

fn record(id: Uuid, time: Timestamp, version: &str, features: Features) -> PredictionRecord {
    PredictionRecord {
        format_version: FORMAT_VERSION,
        id,
        time,
        model_version: version.to_owned(),
        source: None,
        case: None,
        input: InputInfo {
            sha256: String::new(),
            bytes: 1,
            format: "png".into(),
            width: 224,
            height: 224,
            mpp: None,
        },
        features,
        classes: vec![class(0, "other"), class(1, "tumour")],
        confidence: 0.9,
        entropy: 0.1,
        drift_score: Some(0.5),
        mask: format!("masks/{id}.png"),
        latency_ms: 12.5,
    }
}

/// A class that half of the pixels are predicted as, with a mean probability of 0.75.
fn class(code: u8, name: &str) -> ClassFraction {
    ClassFraction {
        code,
        name: name.to_owned(),
        color: Some(Color([213, 94, code])),
        pixels: 25_088,
        fraction: 0.5,
        area_mm2: None,
        expected_pixels: Some(25_088.0),
        expected_right: Some(18_816.0),
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running server on a free port, which is killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: String,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) fn start(world: &World) -> Self {
        Self::start_with(world.command())
    }

    /// Starts the server by a command of [`World::command`].
    pub(crate) fn start_with(mut command: Command) -> Self {
        command.env("HOST", "127.0.0.1").env("PORT", "0").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let entry: Value = serde_json::from_str(&line).ok()?;
                Some(entry.get("address")?.as_str()?.to_owned())
            })
            .expect("a log line with the address");
        // Reads to the end, so that the pipe never fills up.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let client = Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { process, address, client }
    }

    pub(crate) async fn get(&self, path: &str, accept: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.address)).header("accept", accept).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> (StatusCode, Value) {
        let response = self.get(path, "application/json").await;
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) async fn post(&self, body: &str) -> (StatusCode, Value) {
        let request = self.client.post(format!("{}/run", self.address)).body(body.to_owned());
        let response = request.send().await.unwrap();
        let (status, kind) = (response.status(), response.headers()["content-type"].clone());
        let problem = kind == "application/problem+json";
        assert_eq!(problem, status.is_client_error() || status.is_server_error(), "{status} {kind:?}");
        (status, response.json().await.unwrap())
    }

    /// Sends SIGTERM, waits until the process has ended and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
