//! `run.json` in the output folder of a run: where the model repository has its checkpoints and its package.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::checkpoint::last_checkpoints;
use crate::error::Result;
use crate::folders::write_whole;

/// Name of the file.
const FILE: &str = "run.json";

/// Where the model repository has what a run leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunFile {
    /// Folder of the run.
    pub run: PathBuf,
    /// Folder of the model package; `None` until the run is complete.
    pub package: Option<PathBuf>,
}

impl RunFile {
    /// Reads the file of a run; `None` if the run has not begun.
    pub(crate) fn read(output: &Path) -> Option<Self> {
        let text = fs::read(output.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`]; [`crate::error::Error::Json`].
    pub(super) fn write(&self, output: &Path) -> Result<()> {
        write_whole(&output.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// Whether the run can go on from a checkpoint.
    pub(crate) fn has_checkpoint(&self) -> bool {
        !last_checkpoints(&self.run).is_empty()
    }
}
