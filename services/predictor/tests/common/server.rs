//! The program itself, on any free port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::Value;

use super::package;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; it is killed when dropped.
pub struct Server {
    process: Child,
    pub address: String,
    pub client: Client,
    folder: tempfile::TempDir,
}

impl Server {
    /// With a tiny package, and ready.
    pub async fn ready() -> Self {
        Self::ready_with(&[], "").await
    }

    /// The same with these variables and settings.
    pub async fn ready_with(variables: &[(&str, &str)], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = package::write(folder.path());
        let server = Self::start(folder, &model, variables, settings);
        let start = Instant::now();
        while server.get("/ready").await.status() != 200 {
            assert!(start.elapsed() < PATIENCE, "it does not become ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    /// Listening, with whatever lies at `model`.
    pub fn start(
        folder: tempfile::TempDir,
        model: &Path,
        variables: &[(&str, &str)],
        settings: &str,
    ) -> Self {
        let mut process = command(folder.path(), settings)
            .env("MODEL_PATH", model)
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = process.stderr.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            // Read to the end, so that the server never waits for a reader.
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(address) = serde_json::from_str::<Value>(&line).ok().as_ref().and_then(address_in)
                {
                    let _ = sender.send(address);
                }
            }
        });
        let address = receiver.recv_timeout(PATIENCE).expect("the server logs its address");
        Self { process, address, client: Client::new(), folder }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.address)).send().await.unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// Uploads a file under the usual field.
    pub async fn predict(&self, query: &str, bytes: Vec<u8>) -> Response {
        self.upload("data", query, bytes).await
    }

    pub async fn upload(&self, field: &'static str, query: &str, bytes: Vec<u8>) -> Response {
        let form = Form::new().part(field, Part::bytes(bytes).file_name("tile"));
        self.client
            .post(format!("{}/predict-img/{query}", self.address))
            .multipart(form)
            .send()
            .await
            .unwrap()
    }

    /// The folder that predictions go to.
    pub fn bucket(&self) -> PathBuf {
        bucket(self.folder.path())
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the server where it can't start, to its end.
pub fn run(folder: &Path, variables: &[(&str, &str)], settings: &str) -> Output {
    command(folder, settings).envs(variables.iter().copied()).output().unwrap()
}

fn command(folder: &Path, settings: &str) -> Command {
    let file = folder.join("settings.yaml");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bcs-predictor"));
    command.arg("serve").arg("--config").arg(file).current_dir(folder);
    for name in [
        "STORAGE_MODE",
        "MODEL_PATH",
        "DEVICE",
        "AIP_HTTP_PORT",
        "AIP_HEALTH_ROUTE",
        "STORE_INPUTS",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    // Several servers at once would fight for the cores.
    command.env("OMP_NUM_THREADS", "1");
    command.env("HOST", "127.0.0.1").env("PORT", "0").env("LOG_FORMAT", "json");
    command.env("PREDICTIONS_BUCKET", bucket(folder));
    command
}

fn bucket(folder: &Path) -> PathBuf {
    folder.join("predictions")
}

fn address_in(entry: &Value) -> Option<String> {
    entry["address"].as_str().map(str::to_owned)
}

/// The detail of a problem, after checking that it is one of this status.
pub async fn problem(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status, "{}", response.url());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    body["detail"].as_str().unwrap().to_owned()
}
