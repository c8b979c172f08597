//! What a run leaves on disk: the best and the last checkpoint, and in the end the model package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::{self, CONFIG_FILE, MODEL_FILE, REFERENCE_FILE};
use bcs_model::nets::Network;
use bcs_model::package;
use bcs_model::weights::write_safetensors;
use fs_err as fs;

use super::validate::Scores;

/// The best model so far, in memory until a better one comes.
pub(super) struct Best {
    /// Its parameters, as they go into a file.
    pub weights: Vec<u8>,
    /// What it reached.
    pub scores: Scores,
    /// In which epoch, from 0.
    pub epoch: usize,
}

/// The folder of a run, and what every package in it says alike.
pub(super) struct Checkpoints {
    folder: PathBuf,
    metadata: PackageMetadata,
    config_yaml: String,
    best: Option<PathBuf>,
}

impl Checkpoints {
    /// Makes the folder of a run in the model repository. A second run in the same second gets another name.
    pub(super) fn create(repository: &Path, metadata: PackageMetadata, config_yaml: String) -> Result<Self> {
        let version = metadata.version.clone();
        fs::create_dir_all(repository)?;
        let names = std::iter::once(version.clone()).chain((1..).map(|count| format!("{version}-{count}")));
        for name in names {
            let folder = repository.join(&name);
            match fs::create_dir(&folder) {
                Ok(()) => {
                    let metadata = PackageMetadata { version: name, ..metadata };
                    return Ok(Self { folder, metadata, config_yaml, best: None });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).context("the model repository can't be written"),
            }
        }
        unreachable!("the names never end")
    }

    /// The folder of the run.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the run, the version of its model.
    pub(super) fn version(&self) -> &str {
        &self.metadata.version
    }

    /// Writes a new best checkpoint, and removes the one before.
    pub(super) fn save_best(&mut self, best: &Best) -> Result<()> {
        let name = keys::checkpoint(best.epoch, best.scores.val_metric);
        let folder = self.folder.join("checkpoints").join(name);
        self.write(&folder, &best.weights, best, None)?;
        if let Some(before) = self.best.replace(folder.clone())
            && before != folder
        {
            fs::remove_dir_all(before)?;
        }
        Ok(())
    }

    /// Writes the checkpoint of the last epoch, in the place of the one before.
    pub(super) fn save_last(&self, network: &Network, epoch: usize, scores: &Scores) -> Result<()> {
        let last = Best {
            weights: write_safetensors(network)?,
            scores: Scores {
                val_metric: scores.val_metric,
                classes: scores.classes.clone(),
                images: scores.images,
            },
            epoch,
        };
        self.write(&self.folder.join("checkpoints").join("last"), &last.weights, &last, None)
    }

    /// Writes the model package of the run's best model, and gives its folder.
    pub(super) fn save_package(
        &self,
        best: &Best,
        reference: &bcs_contracts::DriftReference,
    ) -> Result<PathBuf> {
        let folder = self.folder.join(keys::best_model(best.scores.val_metric));
        self.write(&folder, &best.weights, best, Some(serde_json::to_vec(reference)?))?;
        Ok(folder)
    }

    fn write(&self, folder: &Path, weights: &[u8], model: &Best, reference: Option<Vec<u8>>) -> Result<()> {
        let mut files = BTreeMap::from([
            (MODEL_FILE.to_owned(), weights.to_vec()),
            (CONFIG_FILE.to_owned(), self.config_yaml.clone().into_bytes()),
        ]);
        files.extend(reference.map(|bytes| (REFERENCE_FILE.to_owned(), bytes)));
        let validation = bcs_contracts::package::Validation {
            val_metric: model.scores.val_metric,
            epoch: model.epoch,
            images: model.scores.images,
            counted: Vec::new(),
            classes: model.scores.classes.clone(),
        };
        let metadata = PackageMetadata { validation: Some(validation), ..self.metadata.clone() };
        // Beside its place and then moved there: a folder of this name is whole.
        let unfinished = folder.with_file_name(".unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        package::write(&unfinished, metadata, &files)?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        Ok(fs::rename(&unfinished, folder)?)
    }
}
