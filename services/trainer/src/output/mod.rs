//! Output for people: progress, tables and pictures.

pub(crate) mod contact_sheet;
pub(crate) mod layers;
pub(crate) mod loaded;
pub(crate) mod progress;
pub(crate) mod run_log;
pub(crate) mod sheet;
pub(crate) mod table;

use std::sync::atomic::{AtomicBool, Ordering};

use fs_err as fs;

use crate::error::{Error, Result};

/// Whether another process prints what this one would print too.
static IS_MUTED: AtomicBool = AtomicBool::new(false);

/// Ends the output of this process but for errors: another one prints the same.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn mute() -> Result<()> {
    IS_MUTED.store(true, Ordering::Relaxed);
    rustix::stdio::dup2_stdout(fs::File::options().write(true).open("/dev/null")?)
        .map_err(std::io::Error::from)?;
    Ok(())
}

fn is_muted() -> bool {
    IS_MUTED.load(Ordering::Relaxed)
}

/// Prints a warning, and adds it to the log of the run.
pub(crate) fn warn(message: &str) {
    if is_muted() {
        return;
    }
    print(&format!("bcs-trainer: warning: {message}"));
}

/// Prints the error that ends the program, and adds it to the log of the run. A signal ends all processes, of which the first
/// one tells where the run goes on.
pub(crate) fn error(error: &Error) {
    if is_muted() && matches!(error, Error::Interrupted { .. }) {
        return;
    }
    print(&format!("bcs-trainer: {error}"));
}

fn print(line: &str) {
    eprintln!("{line}");
    run_log::append(&format!("{line}\n"));
}
