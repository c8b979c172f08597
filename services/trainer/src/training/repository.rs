//! The model repository of a run: a folder, or a bucket. Checkpoints of a bucket are written into a local folder first, and
//! uploaded whole.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bcs_contracts::keys::{CONFIG_FILE, METADATA_FILE, run_name};
use bcs_contracts::package::Architecture;
use bcs_storage::PutMode;
use fs_err as fs;
use tempfile::TempDir;

use super::checkpoint::{CHECKPOINTS, name_of};
use super::resume::{self, AUTO, Checkpoint};
use super::state::State;
use crate::config::TrainHyp;
use crate::error::{Error, Result};
use crate::folders::create_unique;
use crate::remote::bucket::Bucket;
use crate::remote::vertex::Places;
use crate::remote::{cache, is_bucket};

/// Beginning of the names of the newest checkpoints in a bucket.
const LAST: &str = "last-epoch=";

/// Beginning of the names of model packages.
const PACKAGE: &str = "best_model";

/// The model repository of a run.
pub(super) struct Repository {
    /// Folder of the runs on this machine.
    folder: PathBuf,
    bucket: Option<Bucket>,
    /// Removes `folder` at the end if it is a temporary one.
    staging: Cell<Option<TempDir>>,
    /// Model repository that gets a copy of the package, if checkpoints are elsewhere.
    other: Option<PathBuf>,
    /// Folder that gets the files of the package.
    model: Option<PathBuf>,
}

/// What a bucket has of a run: names of complete checkpoints and packages.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stored {
    /// Newest checkpoints, the oldest first.
    last: BTreeSet<String>,
    /// Best models.
    best: BTreeSet<String>,
    is_finished: bool,
}

impl Repository {
    /// Opens the repository that Vertex AI names for checkpoints, else the configured one.
    ///
    /// # Errors
    /// [`Error::Storage`] for a bucket that cannot be used.
    pub(super) fn open(hyp: &TrainHyp, places: Places) -> Result<Self> {
        let configured = hyp.model_repo_location.clone();
        let (location, other) = match places.checkpoints {
            Some(checkpoints) => (checkpoints, Some(configured)),
            None => (configured, None),
        };
        let model = places.model;
        if !is_bucket(&location) {
            return Ok(Self { folder: location, bucket: None, staging: Cell::default(), other, model });
        }
        let bucket = Bucket::open(&location)?;
        let runs = cache()?.join("runs");
        fs::create_dir_all(&runs)?;
        let staging = TempDir::new_in(runs)?;
        let folder = staging.path().to_owned();
        Ok(Self { folder, bucket: Some(bucket), staging: Cell::new(Some(staging)), other, model })
    }

    /// Finds the checkpoint that `train_hyp.resume` names; see [`resume::find`]. In a bucket, it names a run of the repository,
    /// whose checkpoints are downloaded.
    ///
    /// # Errors
    /// As [`resume::find`]; [`Error::Storage`].
    pub(super) fn find(&self, resume: &str, architecture: &Architecture) -> Result<Option<Checkpoint>> {
        let Some(bucket) = self.bucket.as_ref().filter(|_| resume == AUTO || is_bucket(Path::new(resume)))
        else {
            return resume::find(resume, &self.folder, architecture);
        };
        let runs = stored(&keys(bucket, "")?);
        if resume == AUTO {
            for (run, stored) in runs.iter().rev().filter(|(_, stored)| !stored.is_finished) {
                self.download(bucket, run, stored)?;
                if let Some(checkpoint) = resume::find(AUTO, &self.folder, architecture)? {
                    return Ok(Some(checkpoint));
                }
            }
            return Ok(None);
        }
        let name = Path::new(resume).file_name().unwrap_or_default().to_string_lossy();
        let stored =
            runs.get(&*name).filter(|_| resume.trim_end_matches('/') == format!("{}/{name}", bucket.name()));
        let stored = stored.ok_or_else(|| {
            Error::Usage(format!(
                "train_hyp.resume is {resume}, which is no run in {}; or give auto",
                bucket.name()
            ))
        })?;
        self.download(bucket, &name, stored)?;
        resume::find(&self.folder.join(&*name).to_string_lossy(), &self.folder, architecture)
    }

    fn download(&self, bucket: &Bucket, run: &str, stored: &Stored) -> Result<()> {
        let folder = self.folder.join(run).join(CHECKPOINTS);
        let last = stored.last.iter().rev().enumerate().map(|(age, name)| (name, name_of(age)));
        for (name, local) in last.chain(stored.best.iter().map(|name| (name, name.clone()))) {
            bucket.download(&format!("{run}/{CHECKPOINTS}/{name}"), &folder.join(local))?;
        }
        Ok(())
    }

    /// Creates the folder of a new run. In a bucket, its configuration reserves the name.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Storage`].
    pub(super) fn create_run(&self, config_yaml: &str) -> Result<PathBuf> {
        let name = run_name(jiff::Timestamp::now());
        loop {
            let folder = create_unique(&self.folder, &name)?;
            let Some(bucket) = &self.bucket else { return Ok(folder) };
            let key = format!("{}/{CONFIG_FILE}", name_of_folder(&folder));
            match bucket.put(&key, config_yaml.to_owned().into(), PutMode::Create) {
                Err(Error::Storage(bcs_storage::Error::AlreadyExists { .. })) => {}
                result => return result.map(|()| folder),
            }
        }
    }

    /// Whether it is in a bucket.
    pub(super) fn is_bucket(&self) -> bool {
        self.bucket.is_some()
    }

    /// Returns where users find a folder of a run.
    pub(super) fn location(&self, folder: &Path) -> PathBuf {
        match (&self.bucket, folder.strip_prefix(&self.folder)) {
            (Some(bucket), Ok(path)) => PathBuf::from(format!("{}/{}", bucket.name(), path.display())),
            _ => folder.to_owned(),
        }
    }

    /// Uploads the newest checkpoint of a run, and keeps the `keep` newest ones.
    ///
    /// # Errors
    /// [`Error::Upload`]; [`Error::Storage`].
    pub(super) fn upload_last(&self, folder: &Path, run: &str, state: &State, keep: usize) -> Result<()> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        let newest = name_of_last(state);
        let mut known = stored(&keys(bucket, &format!("{run}/{CHECKPOINTS}/"))?);
        let mut last = known.remove(run).unwrap_or_default().last;
        // A checkpoint of that name has this state, and replacing it would leave a moment without one.
        if last.insert(newest.clone()) {
            let uploaded = bucket.upload(folder, &format!("{run}/{CHECKPOINTS}/{newest}"));
            self.keep_if_failed(uploaded)?;
        }
        let mut older = last.iter().rev().skip(keep);
        older.try_for_each(|name| bucket.delete(&format!("{run}/{CHECKPOINTS}/{name}")))
    }

    /// Uploads a folder of a run.
    ///
    /// # Errors
    /// [`Error::Upload`].
    pub(super) fn upload(&self, folder: &Path, run: &str, name: &str) -> Result<()> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        let uploaded = bucket.upload(folder, &format!("{run}/{name}"));
        self.keep_if_failed(uploaded)
    }

    /// Uploads the model package of a run, also to the places that want a copy of it.
    ///
    /// # Errors
    /// [`Error::Upload`]; [`Error::Storage`].
    pub(super) fn upload_package(&self, folder: &Path, run: &str) -> Result<()> {
        let name = name_of_folder(folder);
        self.keep_if_failed(self.copy_package(folder, &format!("{run}/{name}")))?;
        // Last: with a package, the run is finished.
        self.upload(folder, run, &name)
    }

    /// Uploads a file of a run beside its checkpoints.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(super) fn upload_file(&self, run: &str, name: &str, bytes: Vec<u8>) -> Result<()> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        bucket.put(&format!("{run}/{name}"), bytes.into(), PutMode::Overwrite)
    }

    fn copy_package(&self, folder: &Path, name: &str) -> Result<()> {
        if let Some(other) = &self.other {
            Bucket::open(other)?.upload(folder, name)?;
        }
        self.model.iter().try_for_each(|model| Bucket::open(model)?.upload(folder, ""))
    }

    /// Deletes a folder of a run.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(super) fn delete(&self, run: &str, name: &str) -> Result<()> {
        self.bucket.iter().try_for_each(|bucket| bucket.delete(&format!("{run}/{name}")))
    }

    /// Keeps the local files of an upload that has failed.
    fn keep_if_failed(&self, uploaded: Result<()>) -> Result<()> {
        if uploaded.is_err()
            && let Some(staging) = self.staging.take()
        {
            let _ = staging.keep();
        }
        uploaded
    }
}

fn keys(bucket: &Bucket, prefix: &str) -> Result<Vec<String>> {
    Ok(bucket.list(prefix)?.into_iter().map(|entry| entry.key).collect())
}

/// Name of a checkpoint in a bucket. Those of a run are in the order of its progress.
fn name_of_last(state: &State) -> String {
    format!("{LAST}{:04}-batch={:06}", state.epoch, state.batch)
}

fn name_of_folder(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Returns the runs of a repository by their names, from the keys of its objects. What has no `metadata.json` is incomplete.
fn stored(keys: &[String]) -> BTreeMap<String, Stored> {
    let mut runs: BTreeMap<String, Stored> = BTreeMap::new();
    for key in keys {
        match key.split('/').collect::<Vec<_>>()[..] {
            [run, package, METADATA_FILE] if package.starts_with(PACKAGE) => {
                runs.entry(run.to_owned()).or_default().is_finished = true;
            }
            [run, CHECKPOINTS, name, METADATA_FILE] => {
                let stored = runs.entry(run.to_owned()).or_default();
                let set = if name.starts_with(LAST) { &mut stored.last } else { &mut stored.best };
                set.insert(name.to_owned());
            }
            _ => {}
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_checkpoints_are_not_stored() {
        let keys = [
            "other.txt",
            "run-1/config.yaml",
            "run-1/checkpoints/last-epoch=0001-batch=000002/metadata.json",
            "run-1/checkpoints/last-epoch=0002-batch=000000/model.safetensors",
            "run-1/checkpoints/epoch=00-val_metric=0.50/metadata.json",
            "run-2/best_model-val_metric=0.87/metadata.json",
            "run-3/best_model-val_metric=0.87/model.safetensors",
        ];
        let runs = stored(&keys.map(str::to_owned));
        assert_eq!(runs.keys().collect::<Vec<_>>(), ["run-1", "run-2"]);
        assert_eq!(runs["run-1"].last, BTreeSet::from(["last-epoch=0001-batch=000002".to_owned()]));
        assert_eq!(runs["run-1"].best, BTreeSet::from(["epoch=00-val_metric=0.50".to_owned()]));
        assert!(!runs["run-1"].is_finished && runs["run-2"].is_finished);
    }

    #[test]
    fn names_are_in_the_order_of_progress() {
        let name = |epoch, batch| name_of_last(&State { epoch, batch, ..State::default() });
        let names = [name(0, 9), name(0, 10), name(1, 0), name(12, 3), name(100, 0)];
        assert!(names.is_sorted(), "{names:?}");
    }
}
