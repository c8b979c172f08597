//! Metrics of a run as JSON lines. They hold no times, so that a run that went on from a checkpoint has those of one that was
//! never interrupted.

use std::io::Write;
use std::path::Path;

use fs_err as fs;

use crate::error::Result;

/// Metrics of a run, in a file and in memory, from where checkpoints copy them.
#[derive(Debug)]
pub(super) struct Log {
    file: fs::File,
    text: String,
}

impl Log {
    /// Creates the file, with the metrics before.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn create(path: &Path, text: String) -> Result<Self> {
        let mut file = fs::File::create(path)?;
        file.write_all(text.as_bytes())?;
        Ok(Self { file, text })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn write(&mut self, value: &serde_json::Value) -> Result<()> {
        let line = format!("{value}\n");
        self.file.write_all(line.as_bytes())?;
        self.text.push_str(&line);
        Ok(())
    }

    /// Returns all metrics.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
