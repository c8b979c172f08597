//! Where a run goes on, `train_hyp.resume`.

use std::path::{Path, PathBuf};

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::MODEL_FILE;
use bcs_contracts::package::Architecture;
use bcs_model::package;
use bcs_tracking::jsonl::METRICS_FILE;
use fs_err as fs;

use super::checkpoint::{CHECKPOINTS, STATE_FILE, TENSORS_FILE, last_checkpoints};
use super::state::{FORMAT_VERSION, State};
use crate::error::{Error, Result};
use crate::output::warn;

/// Value of `train_hyp.resume` for the newest unfinished run.
pub(super) const AUTO: &str = "auto";

/// A valid checkpoint.
pub(super) struct Checkpoint {
    /// Its folder.
    pub folder: PathBuf,
    /// Folder of its run.
    pub run: PathBuf,
    /// Where the run stands.
    pub state: State,
    /// Parameters, as the contents of a safetensors file.
    pub weights: Vec<u8>,
    /// State of optimizer and averages, likewise.
    pub tensors: Vec<u8>,
    /// Metrics until the checkpoint.
    pub metrics: String,
}

/// Finds the checkpoint that `train_hyp.resume` names. `auto` is the newest valid checkpoint of the newest run in the model
/// repository that trains this network and has not finished; `None` if there is none. Damaged checkpoints are skipped with a
/// warning.
///
/// # Errors
/// [`Error::Usage`] for a path without a valid checkpoint, and for one of another network.
pub(super) fn find(
    resume: &str,
    repository: &Path,
    architecture: &Architecture,
) -> Result<Option<Checkpoint>> {
    if resume == AUTO {
        let unfinished = runs(repository).into_iter().filter(|run| !is_finished(run));
        for run in unfinished {
            match newest(&run, architecture) {
                Some(Ok(checkpoint)) => return Ok(Some(checkpoint)),
                Some(Err(error)) => warn(&format!("{}: {error}", run.display())),
                None => {}
            }
        }
        return Ok(None);
    }
    let path = Path::new(resume);
    let invalid = |reason: String| Error::Usage(format!("train_hyp.resume is {resume}; {reason}"));
    if path.join(STATE_FILE).exists() {
        let checkpoint = read(path).map_err(|error| invalid(error.to_string()))?;
        return of_this_network(checkpoint, architecture)
            .map(Some)
            .map_err(|error| invalid(error.to_string()));
    }
    match newest(path, architecture) {
        Some(checkpoint) => checkpoint.map(Some).map_err(|error| invalid(error.to_string())),
        None => Err(invalid(
            "it is neither a checkpoint, nor the folder of a run with a valid one; or give auto".to_owned(),
        )),
    }
}

/// Returns the folders of runs, the newest first.
fn runs(repository: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(repository) else { return Vec::new() };
    let mut runs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join(CHECKPOINTS).is_dir())
        .collect();
    runs.sort();
    runs.reverse();
    runs
}

/// Whether a run has left a model package.
fn is_finished(run: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(run) else { return false };
    entries
        .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("best_model")))
}

/// Returns the newest valid checkpoint of a run.
fn newest(run: &Path, architecture: &Architecture) -> Option<Result<Checkpoint>> {
    last_checkpoints(run).iter().find_map(|folder| match read(folder) {
        Ok(checkpoint) => Some(of_this_network(checkpoint, architecture)),
        Err(error) => {
            warn(&format!("the checkpoint {} is skipped: {error}", folder.display()));
            None
        }
    })
}

fn of_this_network(
    (checkpoint, metadata): (Checkpoint, PackageMetadata),
    architecture: &Architecture,
) -> Result<Checkpoint> {
    if metadata.architecture == *architecture {
        return Ok(checkpoint);
    }
    Err(Error::Usage(format!(
        "the checkpoint {} is that of another network ({}); choose the same model_hyp, or start a new run with \
         train_hyp.initial_weights",
        checkpoint.folder.display(),
        metadata.architecture.name
    )))
}

fn read(folder: &Path) -> Result<(Checkpoint, PackageMetadata)> {
    let (metadata, mut files) = package::read_files(folder)?;
    let mut take = |name: &str| {
        files.remove(name).ok_or_else(|| Error::Usage(format!("{} has no {name}", folder.display())))
    };
    let state: State = serde_json::from_slice(&take(STATE_FILE)?)?;
    if state.format_version != FORMAT_VERSION {
        let (folder, version) = (folder.display(), state.format_version);
        return Err(Error::Usage(format!(
            "{folder} has format version {version}; this program reads version {FORMAT_VERSION}"
        )));
    }
    let (weights, tensors, metrics) = (take(MODEL_FILE)?, take(TENSORS_FILE)?, take(METRICS_FILE)?);
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    let run = folder.parent().and_then(Path::parent).unwrap_or(folder).to_owned();
    Ok((Checkpoint { folder: folder.to_owned(), run, state, weights, tensors, metrics }, metadata))
}
