//! A running trial: a process of this program, so that the threads and random state of libtorch are its own.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};

use super::memory;
use super::metrics::Metrics;
use crate::error::Result;

/// What a trial prints, in its folder, as Hydra names it.
pub(super) const LOG_FILE: &str = "bcs-trainer.log";

/// The running program, even if its file has been replaced since it was started: all trials run the same code.
const PROGRAM: &str = "/proc/self/exe";

/// Variables of a tuning trial of Vertex AI, in which the sweep may run; its trials are not that trial.
const VERTEX: [&str; 2] = ["CLOUD_ML_HP_METRIC_FILE", "CLOUD_ML_TRIAL_ID"];

/// What a trial gets of the machine.
#[derive(Debug, Clone)]
pub(super) struct Share {
    /// Number of threads.
    pub threads: usize,
    /// Value of `CUDA_VISIBLE_DEVICES`; `None` to leave it as it is.
    pub gpu: Option<String>,
}

/// A running trial. It is ended when this is dropped.
pub(super) struct Child {
    /// Number of the trial.
    pub number: usize,
    /// Metrics until now.
    pub metrics: Metrics,
    /// What it gets of the machine.
    pub share: Share,
    /// Largest memory until now, in megabytes.
    pub peak_mb: Option<u64>,
    /// Whether it has been told to end.
    pub ending: bool,
    process: std::process::Child,
    log: PathBuf,
    log_start: u64,
    start: Instant,
}

impl Child {
    /// Starts a trial in its folder.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn start(number: usize, folder: &Path, objective: &str, share: Share) -> Result<Self> {
        let path = folder.join(LOG_FILE);
        let log = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        let log_start = log.metadata()?.len();
        let mut command = Command::new(PROGRAM);
        command.arg0("bcs-trainer").arg("trial").arg(folder);
        command.args(["--parent", &std::process::id().to_string()]);
        for name in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
            if std::env::var_os(name).is_none() {
                command.env(name, share.threads.to_string());
            }
        }
        command.envs(share.gpu.iter().map(|gpu| ("CUDA_VISIBLE_DEVICES", gpu)));
        VERTEX.iter().for_each(|name| _ = command.env_remove(name));
        // In a group of its own: Ctrl-C reaches the sweep alone, which ends its trials.
        command.process_group(0).stdin(Stdio::null());
        let metrics = Metrics::read(folder, objective)?;
        let log = log.into_file();
        let process = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Self {
            number,
            metrics,
            share,
            peak_mb: None,
            ending: false,
            process,
            log: path,
            log_start,
            start: Instant::now(),
        })
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns how the trial has ended; `None` while it runs.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn poll(&mut self) -> Result<Option<ExitStatus>> {
        self.peak_mb = self.peak_mb.max(memory::peak_mb(self.process.id()));
        Ok(self.process.try_wait()?)
    }

    /// Tells the trial to write a checkpoint and to end.
    pub(super) fn end(&mut self) {
        // A second signal would end it without a checkpoint.
        if !self.ending
            && let Some(process) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw)
        {
            self.ending = true;
            // It fails if the process has just ended.
            _ = kill_process(process, Signal::TERM);
        }
    }

    /// Returns why the trial has failed: its error message, else the end of what it has printed.
    pub(super) fn error(&self, status: ExitStatus) -> String {
        let text = self.printed().unwrap_or_default();
        let reason = match status.signal() {
            Some(9) => {
                "signal 9 has killed it; perhaps memory was short: lower sweep.n_jobs or the batch size"
                    .to_owned()
            }
            Some(signal) => format!("signal {signal} has killed it"),
            None => format!("it has ended with {}", status.code().unwrap_or_default()),
        };
        message(&text).unwrap_or(reason)
    }

    /// What the trial has printed in this attempt.
    fn printed(&self) -> std::io::Result<String> {
        let mut file = fs::File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.log_start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
        _ = self.process.wait();
    }
}

/// Returns the error in what a program has printed: the last lines, from the one that begins with its name.
fn message(printed: &str) -> Option<String> {
    let lines: Vec<&str> = printed.lines().collect();
    let is_error =
        |line: &&str| line.strip_prefix("bcs-trainer: ").is_some_and(|text| !text.starts_with("warning:"));
    let at = lines.iter().rposition(is_error)?;
    let text = lines[at..].join("\n");
    text.strip_prefix("bcs-trainer: ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_found_in_what_was_printed() {
        let printed = "epoch 00  loss 0.5\nbcs-trainer: warning: small\nbcs-trainer: the loss is NaN\nThe last checkpoint\n";
        assert_eq!(message(printed).unwrap(), "the loss is NaN\nThe last checkpoint");
        assert_eq!(message("epoch 00\nbcs-trainer: warning: small\n"), None);
    }
}
