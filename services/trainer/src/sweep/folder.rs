//! Folders of sweeps: new ones, and the one that goes on.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::record::{FILE, Record, Trial};
use crate::error::{Error, Result};
use crate::output::warn;

/// Folder of all sweeps, unless `hydra.sweep.dir` is set.
const ROOT: &str = "multirun";

/// File that the running sweep locks.
const LOCK_FILE: &str = ".lock";

/// Value of `sweep.resume` for the newest unfinished sweep.
const AUTO: &str = "auto";

/// Folder of a sweep, which no other process runs.
#[derive(Debug)]
pub(super) struct Folder {
    /// Path, `multirun/DATE/TIME`.
    pub path: PathBuf,
    /// Holds the lock.
    _lock: std::fs::File,
}

impl Folder {
    /// Takes a folder for a new sweep.
    ///
    /// # Errors
    /// [`Error::Usage`] if it has a sweep already; [`Error::Io`].
    pub(super) fn new(path: &Path) -> Result<Self> {
        let folder = Self::open(path)?;
        if path.join(FILE).exists() {
            return Err(Error::Usage(format!(
                "hydra.sweep.dir is {0}, which has a sweep already; go on with it by sweep.resume={0}, or choose \
                 another folder",
                path.display()
            )));
        }
        Ok(folder)
    }

    fn open(path: &Path) -> Result<Self> {
        let lock = fs::File::create(path.join(LOCK_FILE))?.into_file();
        match lock.try_lock() {
            // Some network file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Usage(format!(
                "the sweep {} is running; end it first, or leave out sweep.resume for another one",
                path.display()
            ))),
        }
    }

    /// Folder of a trial.
    pub(super) fn trial(&self, trial: &Trial) -> PathBuf {
        self.path.join(&trial.folder)
    }
}

/// Finds the sweep that `sweep.resume` names. `auto` is the newest one that is neither finished nor running, and has these
/// overrides, if there are any; `None` if there is none. `dir` is the folder that a new sweep would have.
///
/// # Errors
/// [`Error::Usage`] for a folder without a sweep, with one of other overrides, or with one that is running.
pub(super) fn find(resume: &str, dir: &Path, overrides: &[String]) -> Result<Option<(Folder, Record)>> {
    let is_same = |record: &Record| overrides.is_empty() || record.overrides == overrides;
    if resume != AUTO {
        let path = Path::new(resume);
        if !path.join(FILE).exists() {
            return Err(Error::Usage(format!(
                "sweep.resume is {resume}; it has no {FILE}; give the folder of a sweep, as multirun/DATE/TIME, or auto"
            )));
        }
        let folder = Folder::open(path)?;
        let record = Record::read(path)?;
        if !is_same(&record) {
            return Err(Error::Usage(format!(
                "sweep.resume is {resume}, a sweep with other overrides: {}; leave them out, or start a new sweep",
                record.overrides.join(" ")
            )));
        }
        return Ok(Some((folder, record)));
    }
    for path in sweeps(dir) {
        let record = match Record::read(&path) {
            Ok(record) => record,
            Err(error) => {
                warn(&format!("the sweep {} is skipped: {error}", path.display()));
                continue;
            }
        };
        if is_same(&record)
            && !record.is_finished()
            && let Ok(folder) = Folder::open(&path)
        {
            // Another process may have gone on with it meanwhile.
            let record = Record::read(&path)?;
            return Ok(Some((folder, record)));
        }
    }
    Ok(None)
}

/// Returns the folders of the sweeps in [`ROOT`], the newest first, after that which `hydra.sweep.dir` names.
fn sweeps(dir: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    let mut sweeps: Vec<PathBuf> = entries(Path::new(ROOT)).iter().flat_map(|day| entries(day)).collect();
    sweeps.sort();
    sweeps.reverse();
    sweeps.insert(0, dir.to_owned());
    sweeps.retain(|path| path.join(FILE).exists());
    sweeps
}
