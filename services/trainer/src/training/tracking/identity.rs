//! What makes several processes one run.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// File in the folder of the run with its [`Identity`].
const IDENTITY_FILE: &str = "tracking.json";

/// What a run that goes on takes over, so that it is one run in TensorBoard and Weights & Biases.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Identifier in Weights & Biases.
    pub wandb_id: Option<String>,
    /// Folders of Weights & Biases, one per process.
    #[serde(default)]
    pub wandb: Vec<PathBuf>,
    /// Folder of the event files.
    pub tensorboard: Option<PathBuf>,
}

impl Identity {
    /// Reads the identity of a run; that of a new one is empty.
    pub(super) fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join(IDENTITY_FILE)).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes the identity.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        Ok(fs::write(folder.join(IDENTITY_FILE), serde_json::to_vec_pretty(self)?)?)
    }
}
