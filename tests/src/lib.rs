//! Helpers of the end-to-end tests, which run the real programs as a user does.

mod browser;
mod emulator;
mod fault_proxy;
mod tiled_tiff;
mod token_issuer;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub use browser::Page;
pub use emulator::Emulator;
pub use fault_proxy::{Fault, FaultProxy};
pub use tiled_tiff::{TiffTag, TiledTiff, tiff_directory};
pub use token_issuer::{TokenIssuer, token_claims, unsigned_token};

/// Maximum time until a server is ready; it takes well under a second on an idle machine.
const READY: Duration = Duration::from_secs(60);

/// Overrides of a training run small enough for a debug build: 64×64 tiles, and a network of 5000 parameters.
pub const SMALL: [&str; 8] = [
    "data.root=tissue",
    "data.label_map=bcss-22-tumor",
    "model_hyp.channels=[4,8,16]",
    "model_hyp.strides=[2,2]",
    "train_hyp.max_epochs=2",
    "train_hyp.training_batch_size=4",
    "train_hyp.device=cpu",
    "train_hyp.model_repo_location=models",
];

/// Path of a program of this workspace, built in the profile of the tests.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built; run: cargo build --workspace --bins", path.display());
    path
}

/// Runs a program in a folder until it exits.
pub fn run(name: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Output {
    let output = Command::new(program(name))
        .args(arguments)
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()
        .expect("the program starts");
    println!("$ {name} {}\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs a program in a folder, asserts that it succeeds, and returns its standard output.
pub fn run_ok(name: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> String {
    let output = run(name, arguments, folder, environment);
    assert!(output.status.success(), "{name} {arguments:?} exited with {}", output.status);
    String::from_utf8(output.stdout).expect("programs print UTF-8")
}

/// A running server on a free port, killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub address: String,
}

impl Server {
    /// Starts a server, and waits until it logs its address.
    pub fn start(name: &str, folder: &Path, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program(name))
            .current_dir(folder)
            .envs(environment.iter().copied())
            .envs([("HOST", "127.0.0.1"), ("PORT", "0"), ("LOG_FORMAT", "json")])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (sender, addresses) = mpsc::channel();
        let log = BufReader::new(child.stderr.take().expect("the log is piped"));
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                println!("{line}");
                let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = entry["address"].as_str() {
                    // The receiver is gone after the first address.
                    let _ = sender.send(address.to_owned());
                }
            }
        });
        let address = addresses.recv_timeout(READY).expect("the server logs its address");
        Self { child, address }
    }

    /// URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Waits until the server is ready.
    pub async fn ready(&self) {
        let start = Instant::now();
        while start.elapsed() < READY {
            if reqwest::get(self.url("/ready")).await.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} was not ready within {READY:?}", self.address);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails if the server has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Folder of the package that the only training run in a model repository has made.
pub fn package(repository: &Path) -> PathBuf {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).expect("the folder is there");
        entries.map(|entry| entry.expect("it can be read").path()).filter(|path| path.is_dir()).collect()
    };
    let runs = folders(repository);
    assert_eq!(runs.len(), 1, "one run in {}: {runs:?}", repository.display());
    let best = folders(&runs[0]).into_iter().find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("best_model-val_metric="))
    });
    best.expect("the run left a package")
}
