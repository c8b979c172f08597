//! What a run leaves in the model repository: its newest checkpoints, from which it can go on, its best models, and the
//! model package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bcs_contracts::keys::{self, CONFIG_FILE, MODEL_FILE, REFERENCE_FILE};
use bcs_contracts::package::Validation;
use bcs_contracts::{DriftReference, PackageMetadata};
use bcs_model::nets::Network;
use bcs_model::package::{self, Existing};
use bcs_model::weights::write_safetensors;
use bcs_tracking::jsonl::METRICS_FILE;
use fs_err as fs;

use super::repository::Repository;
use super::state::{Best, State};
use super::validate::Scores;
use crate::error::Result;
use crate::graph::add_graph;

/// Folder of the checkpoints in that of the run.
pub(super) const CHECKPOINTS: &str = "checkpoints";

/// Name of the newest checkpoint; older ones are `last-1`, `last-2`, …
const LAST: &str = "last";

/// File with the [`State`] of a run.
pub(super) const STATE_FILE: &str = "training.json";

/// File with the tensors of optimizer and averages.
pub(super) const TENSORS_FILE: &str = "training.safetensors";

/// A model.
pub(super) struct Snapshot {
    /// Parameters as the contents of a safetensors file.
    pub weights: Vec<u8>,
    /// Scores on the validation tiles; `None` within an epoch.
    pub scores: Option<Scores>,
    /// Epoch, from 0.
    pub epoch: usize,
}

/// What a run needs to go on, besides the parameters of its network.
pub(super) struct Resumable<'a> {
    /// Where the run stands.
    pub state: &'a State,
    /// State of optimizer and averages, as the contents of a safetensors file.
    pub tensors: Vec<u8>,
    /// Metrics until now.
    pub metrics: &'a str,
}

/// Folder of a run in the model repository.
pub(super) struct Checkpoints {
    repository: Rc<Repository>,
    folder: PathBuf,
    run: String,
    metadata: PackageMetadata,
    config_yaml: String,
}

impl Snapshot {
    /// Copies the parameters of a network.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`].
    pub(super) fn new(network: &Network, scores: Option<Scores>, epoch: usize) -> Result<Self> {
        Ok(Self { weights: write_safetensors(network)?, scores, epoch })
    }
}

impl Checkpoints {
    /// Creates the folder of a run in the model repository. `metadata` describes what all packages of the run share.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`]; [`crate::error::Error::Storage`].
    pub(super) fn create(
        repository: Rc<Repository>,
        metadata: PackageMetadata,
        config_yaml: String,
    ) -> Result<Self> {
        let folder = repository.create_run(&config_yaml)?;
        Ok(Self::of(repository, folder, metadata, config_yaml))
    }

    /// Goes on with the folder of a run.
    pub(super) fn of(
        repository: Rc<Repository>,
        folder: PathBuf,
        metadata: PackageMetadata,
        config_yaml: String,
    ) -> Self {
        let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { repository, folder, run, metadata, config_yaml }
    }

    /// Folder of the run on this machine.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Location of the run.
    pub(super) fn location(&self) -> PathBuf {
        self.repository.location(&self.folder)
    }

    /// Location of the run with the newest checkpoint, or the folder of that, if there is one.
    pub(super) fn last(&self) -> Option<PathBuf> {
        let folder = last_checkpoints(&self.folder).into_iter().next()?;
        Some(if self.repository.is_bucket() { self.location() } else { folder })
    }

    /// Version of a model. It names the weights, so that a checkpoint and a package of the same weights share it.
    pub(super) fn version(&self, model: &Snapshot) -> String {
        keys::model_version(&self.run, model.epoch, &package::sha256(&model.weights))
    }

    /// Writes a model that is among the best.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`]; [`crate::error::Error::Upload`].
    pub(super) fn save_best(&self, model: &Snapshot, best: &Best) -> Result<()> {
        let folder = self.folder.join(CHECKPOINTS).join(&best.folder);
        self.write(&folder, model, BTreeMap::new())?;
        self.repository.upload(&folder, &self.run, &name_of_best(best))
    }

    /// Reads the parameters of a model that is among the best.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] if it is damaged.
    pub(super) fn read_best(&self, best: &Best) -> Result<(PackageMetadata, Vec<u8>)> {
        let (metadata, mut files) = package::read_files(&self.folder.join(CHECKPOINTS).join(&best.folder))?;
        Ok((metadata, files.remove(MODEL_FILE).unwrap_or_default()))
    }

    /// Removes a model that is no longer among the best.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`]; [`crate::error::Error::Storage`].
    pub(super) fn remove(&self, best: &Best) -> Result<()> {
        let folder = self.folder.join(CHECKPOINTS).join(&best.folder);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        self.repository.delete(&self.run, &name_of_best(best))
    }

    /// Writes the newest checkpoint, and keeps the `keep` newest ones.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`]; [`crate::error::Error::Io`]; [`crate::error::Error::Upload`].
    pub(super) fn save_last(&self, model: &Snapshot, resumable: Resumable<'_>, keep: usize) -> Result<()> {
        let folder = self.folder.join(CHECKPOINTS);
        let files = BTreeMap::from([
            (STATE_FILE.to_owned(), serde_json::to_vec_pretty(resumable.state)?),
            (TENSORS_FILE.to_owned(), resumable.tensors),
            (METRICS_FILE.to_owned(), resumable.metrics.as_bytes().to_vec()),
        ]);
        for age in (1..keep).rev() {
            let (newer, older) = (folder.join(name_of(age - 1)), folder.join(name_of(age)));
            if newer.exists() {
                if older.exists() {
                    fs::remove_dir_all(&older)?;
                }
                fs::rename(newer, older)?;
            }
        }
        let folder = folder.join(LAST);
        self.write(&folder, model, files)?;
        self.repository.upload_last(&folder, &self.run, resumable.state, keep)
    }

    /// Writes the model package of the best model, whose parameters `network` has, and returns its location.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`]; [`crate::error::Error::Json`]; [`crate::error::Error::Upload`].
    pub(super) fn save_package(
        &self,
        best: &Snapshot,
        network: &Network,
        reference: &DriftReference,
    ) -> Result<PathBuf> {
        let score = best.scores.as_ref().map_or(f64::NAN, |scores| scores.val_metric);
        let folder = self.folder.join(keys::best_model(score));
        let mut files = BTreeMap::from([(REFERENCE_FILE.to_owned(), serde_json::to_vec(reference)?)]);
        add_graph(&mut files, network, self.metadata.input.tile);
        self.write(&folder, best, files)?;
        self.repository.upload_package(&folder, &self.run)?;
        Ok(self.repository.location(&folder))
    }

    fn write(&self, folder: &Path, model: &Snapshot, mut files: BTreeMap<String, Vec<u8>>) -> Result<()> {
        files.insert(MODEL_FILE.to_owned(), model.weights.clone());
        files.insert(CONFIG_FILE.to_owned(), self.config_yaml.clone().into_bytes());
        let validation = model.scores.as_ref().map(|scores| Validation {
            val_metric: scores.val_metric,
            epoch: model.epoch,
            images: scores.images,
            counted: scores.counted.clone(),
            classes: scores.classes.clone(),
        });
        let metadata = PackageMetadata { version: self.version(model), validation, ..self.metadata.clone() };
        Ok(package::write(folder, metadata, &files, Existing::Replace)?)
    }
}

/// Name of a model among the best, in the folder of the run.
fn name_of_best(best: &Best) -> String {
    format!("{CHECKPOINTS}/{}", best.folder.display())
}

/// Name of a checkpoint, by the number of newer ones.
pub(super) fn name_of(age: usize) -> String {
    if age == 0 { LAST.to_owned() } else { format!("{LAST}-{age}") }
}

/// Returns the folders of the newest checkpoints of a run, the newest first.
pub(super) fn last_checkpoints(run: &Path) -> Vec<PathBuf> {
    let folder = run.join(CHECKPOINTS);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let age = |name: &str| match name.strip_prefix(LAST)? {
        "" => Some(0),
        older => older.strip_prefix('-')?.parse::<usize>().ok(),
    };
    let mut ages: Vec<usize> = entries.filter_map(|entry| age(entry.ok()?.file_name().to_str()?)).collect();
    ages.sort_unstable();
    ages.into_iter().map(|age| folder.join(name_of(age))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_found_from_the_newest_on() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(last_checkpoints(run.path()), Vec::<PathBuf>::new());
        let folder = run.path().join(CHECKPOINTS);
        for name in ["last-2", "last", "last-10", "epoch=01-val_metric=0.5", "lasting", "last-x"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let expected = ["last", "last-2", "last-10"].map(|name| folder.join(name));
        assert_eq!(last_checkpoints(run.path()), expected);
    }
}
