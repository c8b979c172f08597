//! The log of a run: what it prints, its warnings and its error, in a file as Hydra names it.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bcs_tracking::Secrets;
use bcs_tracking::console::Console;
use fs_err as fs;

use crate::error::Result;

/// Name of the log in the folder of a run.
pub(crate) const LOG_FILE: &str = "bcs-trainer.log";

/// The log of the process; it has at most one. What is secret is collected once.
static LOG: Mutex<Option<(fs::File, Secrets)>> = Mutex::new(None);

/// A log that is being written. Dropping it ends the copy of standard output; warnings and the error still follow.
#[derive(Debug)]
pub(crate) struct RunLog {
    _console: Console,
}

impl RunLog {
    /// Creates the log in the folder of a run. Secrets of the environment are masked in it.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let file = fs::OpenOptions::new().create(true).append(true).open(folder.join(LOG_FILE))?;
        *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some((file, Secrets::from_process()));
        Ok(Self { _console: Console::capture(append)? })
    }
}

/// Appends to the log, if there is one. The run goes on if it cannot be written.
pub(crate) fn append(text: &str) {
    if let Some((file, secrets)) = LOG.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        _ = file.write_all(secrets.mask_text(text).as_bytes());
    }
}
