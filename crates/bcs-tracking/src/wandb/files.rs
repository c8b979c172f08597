//! Files of a run: media, the text that the program has printed, configuration, summary and environment.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::{Map, Value, json};

use super::messages::{EnvironmentMessage, GitRepoRecord, Timestamp};
use crate::error::Result;

/// Folder `files` of a run.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    output: BufWriter<fs::File>,
}

/// Where the run is executed.
#[derive(Debug)]
pub(super) struct Environment {
    pub os: String,
    pub started_at: Timestamp,
    pub args: Vec<String>,
    pub program: String,
    pub host: String,
    pub cpu_count: u32,
    pub git_commit: String,
    pub writer_id: String,
}

impl Files {
    /// Creates the folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let output = BufWriter::new(fs::File::create(folder.join("output.log"))?);
        Ok(Self { folder: folder.to_owned(), output })
    }

    /// Writes a file; `path` is relative, with slashes.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(fs::write(path, bytes)?)
    }

    /// Writes the configuration as the client does.
    pub(super) fn write_config(&self, config: &Map<String, Value>) -> Result<()> {
        let value = |(key, value): (&String, &Value)| (key.clone(), json!({ "desc": null, "value": value }));
        let version = ("wandb_version".to_owned(), json!(1));
        let all: Map<String, Value> = std::iter::once(version).chain(config.iter().map(value)).collect();
        self.write("config.yaml", bcs_config::Value::from_json(Value::from(all))?.to_yaml().as_bytes())
    }

    /// Writes the last value of each key.
    pub(super) fn write_summary(&self, summary: &Map<String, Value>) -> Result<()> {
        self.write("wandb-summary.json", &serde_json::to_vec(summary)?)
    }

    /// Writes the description of the environment.
    pub(super) fn write_metadata(&self, environment: &Environment) -> Result<()> {
        let started = environment.started_at.seconds;
        let started = jiff::Timestamp::from_second(started).map(|time| time.to_string()).unwrap_or_default();
        let metadata = json!({
            "os": environment.os, "startedAt": started, "args": environment.args, "program": environment.program,
            "host": environment.host, "cpu_count_logical": environment.cpu_count,
            "git": {"commit": environment.git_commit},
        });
        self.write("wandb-metadata.json", &serde_json::to_vec_pretty(&metadata)?)
    }

    /// Appends to the text that the program has printed.
    pub(super) fn append_output(&mut self, text: &str) -> Result<()> {
        Ok(self.output.write_all(text.as_bytes())?)
    }

    /// Passes buffered text on to the operating system.
    pub(super) fn flush(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}

impl Environment {
    /// Returns the message of the environment.
    pub(super) fn into_message(self) -> EnvironmentMessage {
        EnvironmentMessage {
            os: self.os,
            started_at: Some(self.started_at),
            args: self.args,
            program: self.program,
            git: (!self.git_commit.is_empty()).then_some(GitRepoRecord { commit: self.git_commit }),
            host: self.host,
            cpu_count_logical: self.cpu_count,
            writer_id: self.writer_id,
        }
    }
}
