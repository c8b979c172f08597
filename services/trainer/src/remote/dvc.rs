//! Data tracked by DVC, pulled with a progress bar.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bcs_dvc::{Observer, Options, Pulled, Repository, Task};
use indicatif::DecimalBytes;

use super::runtime;
use crate::error::Result;
use crate::output::progress::Progress;
use crate::output::warn;

/// Number of simultaneous downloads, unless the user chooses another one.
pub(crate) const JOBS: usize = 16;

/// Pulls these `.dvc` files of a repository, and prints what was done.
///
/// # Errors
/// [`crate::error::Error::Dvc`].
pub(crate) fn pull(repository: &Repository, files: &[PathBuf], options: &Options) -> Result<()> {
    let observer: Arc<dyn Observer> = Arc::new(Bars::default());
    let pulled = bcs_dvc::pull(&runtime()?, repository, files, options, &observer);
    // Ends the last bar, so that messages do not mix with it.
    drop(observer);
    let pulled = pulled?;
    for path in &pulled.without_hash {
        warn(&format!("{} has no hash yet; run dvc commit where it is", path.display()));
    }
    println!("{}", summary(&pulled));
    Ok(())
}

/// Pulls a folder that is missing, if it or a folder above it has a `.dvc` file.
///
/// # Errors
/// [`crate::error::Error::Dvc`].
pub(crate) fn pull_missing(folder: &Path) -> Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let Some(file) = folder.ancestors().map(dvc_file_of).find(|file| file.is_file()) else { return Ok(()) };
    println!("{} is missing; pulling {}", folder.display(), file.display());
    let repository = Repository::discover(&file)?;
    let options = Options { remote: None, jobs: JOBS, force: false };
    pull(&repository, &[repository.dvc_file(&file)?], &options)
}

fn dvc_file_of(path: &Path) -> PathBuf {
    let mut file = path.to_owned();
    file.as_mut_os_string().push(".dvc");
    file
}

fn summary(pulled: &Pulled) -> String {
    let Pulled { fetched, bytes, added, modified, deleted, unchanged, .. } = pulled;
    let objects = if *fetched == 1 { "object" } else { "objects" };
    format!(
        "{fetched} {objects} fetched ({}); files: {added} added, {modified} replaced, {deleted} removed, {unchanged} unchanged",
        DecimalBytes(*bytes)
    )
}

/// One progress bar after the other.
#[derive(Default)]
struct Bars {
    bar: Mutex<Option<Progress>>,
    bytes: AtomicU64,
}

impl Observer for Bars {
    fn begin(&self, task: Task, total: usize) {
        let (label, unit) = match task {
            Task::Check => ("Checking files", "files"),
            Task::Fetch => ("Fetching objects", "objects"),
            Task::Place => ("Placing files", "files"),
        };
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        // Two bars at once would overwrite each other.
        *bar = None;
        self.bytes.store(0, Ordering::Relaxed);
        *bar = (total > 0).then(|| Progress::new(label, total, unit));
    }

    fn bytes(&self, bytes: u64) {
        let sum = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(bar) = &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.message(DecimalBytes(sum).to_string());
        }
    }

    fn step(&self) {
        if let Some(bar) = &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.step();
        }
    }
}
