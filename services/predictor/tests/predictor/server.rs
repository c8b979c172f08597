//! Runs the server on a free port.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::Value;

use crate::{images, package};

/// Time after which a wait fails; far longer than any takes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A running server, which is killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    pub(crate) client: Client,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server with a small package and waits until it is ready.
    pub(crate) async fn ready() -> Self {
        Self::ready_with(&[], "").await
    }

    /// Does the same with environment variables and a settings file.
    pub(crate) async fn ready_with(variables: &[(&str, &str)], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = package::write(folder.path());
        let server = Self::start(folder, &model, variables, settings);
        let start = Instant::now();
        while server.get("/ready").await.status() != 200 {
            assert!(start.elapsed() < TIMEOUT, "the server does not become ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    /// Starts a server with the model at `model` and waits until it listens.
    pub(crate) fn start(
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
            // Reads to the end, so that the pipe never fills up.
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(address) = serde_json::from_str::<Value>(&line).ok().as_ref().and_then(address_in)
                {
                    let _ = sender.send(address);
                }
            }
        });
        let address = receiver.recv_timeout(TIMEOUT).expect("the server logs its address");
        Self { process, address, client: Client::new(), folder }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.address)).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// Uploads a file in the field `data`.
    pub(crate) async fn predict(&self, query: &str, bytes: Vec<u8>) -> Response {
        self.upload("data", query, bytes).await
    }

    pub(crate) async fn upload(&self, field: &'static str, query: &str, bytes: Vec<u8>) -> Response {
        let form = Form::new().part(field, Part::bytes(bytes).file_name("tile"));
        let url = format!("{}/predict-img/{query}", self.address);
        self.client.post(url).multipart(form).send().await.unwrap()
    }

    /// Uploads a file with this name and these headers to `route`.
    pub(crate) async fn predict_named(
        &self,
        route: &str,
        file_name: &'static str,
        headers: &[(&str, &str)],
    ) -> Response {
        let form = Form::new().part("data", Part::bytes(images::png(64, 64)).file_name(file_name));
        let mut request = self.client.post(format!("{}{route}?output=json", self.address)).multipart(form);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Returns the port that the server listens on.
    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Returns the folder of the predictions.
    pub(crate) fn bucket(&self) -> PathBuf {
        bucket(self.folder.path())
    }

    /// Returns the largest resident memory that the server has had, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// Opens a connection and sends bytes on it.
    pub(crate) fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.end("-TERM")
    }

    /// Sends a signal and waits until the process has ended. What it stored remains.
    pub(crate) fn end(&mut self, signal: &str) -> ExitStatus {
        Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a server that cannot start, and returns its output.
pub(crate) fn run(folder: &Path, variables: &[(&str, &str)], settings: &str) -> Output {
    command(folder, settings).envs(variables.iter().copied()).output().unwrap()
}

fn command(folder: &Path, settings: &str) -> Command {
    let file = folder.join("settings.yaml");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bcs-predictor"));
    command.arg("serve").arg("--config").arg(file).current_dir(folder);
    for name in [
        "STORAGE_MODE",
        "STORAGE_EMULATOR_HOST",
        "MODEL_PATH",
        "MODEL_REPOSITORY",
        "MODEL_CACHE",
        "MODEL_RELOAD",
        "AIP_STORAGE_URI",
        "DEVICE",
        "AIP_HTTP_PORT",
        "AIP_HEALTH_ROUTE",
        "STORE_INPUTS",
        "API_KEYS_FILE",
        "OIDC_AUDIENCE",
        "OIDC_EMAILS",
        "OIDC_ISSUER",
        "OIDC_KEYS_URL",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    // Several servers run at the same time.
    command.env("OMP_NUM_THREADS", "1");
    command.env("HOST", "127.0.0.1").env("PORT", "0").env("LOG_FORMAT", "json");
    command.env("PREDICTIONS_BUCKET", bucket(folder));
    command
}

/// Checks the server on this port as its container does, and returns the exit code.
pub(crate) fn healthcheck(port: &str) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bcs-predictor"));
    command.arg("healthcheck").env("HOST", "0.0.0.0").env("PORT", port).stderr(Stdio::null());
    command.status().unwrap().code()
}

fn bucket(folder: &Path) -> PathBuf {
    folder.join("predictions")
}

fn address_in(entry: &Value) -> Option<String> {
    entry["address"].as_str().map(str::to_owned)
}

/// Checks that the response is a problem with this status, and returns its detail.
pub(crate) async fn problem(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status, "{}", response.url());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    body["detail"].as_str().unwrap().to_owned()
}
