//! What a run leaves in the model repository: the best and the last checkpoint, and the model package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_contracts::keys::{self, CONFIG_FILE, MODEL_FILE, REFERENCE_FILE};
use bcs_contracts::package::Validation;
use bcs_contracts::{DriftReference, PackageMetadata};
use bcs_model::nets::Network;
use bcs_model::package::{self, Existing};
use bcs_model::weights::write_safetensors;
use fs_err as fs;

use super::validate::Scores;
use crate::error::Result;
use crate::folders::create_unique;

/// Model of one epoch.
pub(super) struct Snapshot {
    /// Parameters as the contents of a safetensors file.
    pub weights: Vec<u8>,
    /// Scores on the validation tiles.
    pub scores: Scores,
    /// Epoch, from 0.
    pub epoch: usize,
}

/// Folder of a run in the model repository.
pub(super) struct Checkpoints {
    folder: PathBuf,
    run: String,
    metadata: PackageMetadata,
    config_yaml: String,
    best: Option<PathBuf>,
}

impl Snapshot {
    /// Copies the parameters of a network.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`].
    pub(super) fn new(network: &Network, scores: Scores, epoch: usize) -> Result<Self> {
        Ok(Self { weights: write_safetensors(network)?, scores, epoch })
    }
}

impl Checkpoints {
    /// Creates the folder of a run in the model repository. `metadata` describes what all packages of the run share.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn create(repository: &Path, metadata: PackageMetadata, config_yaml: String) -> Result<Self> {
        let folder = create_unique(repository, &keys::run_name(jiff::Timestamp::now()))?;
        let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { folder, run, metadata, config_yaml, best: None })
    }

    /// Folder of the run.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Version of a model. It names the weights, so that a checkpoint and a package of the same weights share it.
    pub(super) fn version(&self, model: &Snapshot) -> String {
        keys::model_version(&self.run, model.epoch, &package::sha256(&model.weights))
    }

    /// Writes the best checkpoint and removes the one before.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`]; [`crate::error::Error::Io`].
    pub(super) fn save_best(&mut self, best: &Snapshot) -> Result<()> {
        let name = keys::checkpoint(best.epoch, best.scores.val_metric);
        let folder = self.folder.join("checkpoints").join(name);
        self.write(&folder, best, None)?;
        match self.best.replace(folder) {
            Some(previous) => Ok(fs::remove_dir_all(previous)?),
            None => Ok(()),
        }
    }

    /// Writes the checkpoint of the last epoch in place of the one before.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`].
    pub(super) fn save_last(&self, last: &Snapshot) -> Result<()> {
        self.write(&self.folder.join("checkpoints").join("last"), last, None)
    }

    /// Writes the model package of the best model and returns its folder.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`]; [`crate::error::Error::Json`].
    pub(super) fn save_package(&self, best: &Snapshot, reference: &DriftReference) -> Result<PathBuf> {
        let folder = self.folder.join(keys::best_model(best.scores.val_metric));
        self.write(&folder, best, Some(serde_json::to_vec(reference)?))?;
        Ok(folder)
    }

    fn write(&self, folder: &Path, model: &Snapshot, reference: Option<Vec<u8>>) -> Result<()> {
        let mut files = BTreeMap::from([
            (MODEL_FILE.to_owned(), model.weights.clone()),
            (CONFIG_FILE.to_owned(), self.config_yaml.clone().into_bytes()),
        ]);
        files.extend(reference.map(|bytes| (REFERENCE_FILE.to_owned(), bytes)));
        let validation = Validation {
            val_metric: model.scores.val_metric,
            epoch: model.epoch,
            images: model.scores.images,
            counted: model.scores.counted.clone(),
            classes: model.scores.classes.clone(),
        };
        let metadata = PackageMetadata {
            version: self.version(model),
            validation: Some(validation),
            ..self.metadata.clone()
        };
        Ok(package::write(folder, metadata, &files, Existing::Replace)?)
    }
}
