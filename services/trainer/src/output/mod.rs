//! Output for people: progress, tables and pictures.

pub(crate) mod contact_sheet;
pub(crate) mod layers;
pub(crate) mod loaded;
pub(crate) mod progress;
pub(crate) mod run_log;
pub(crate) mod sheet;
pub(crate) mod table;

use crate::error::Error;

/// Prints a warning, and adds it to the log of the run.
pub(crate) fn warn(message: &str) {
    print(&format!("bcs-trainer: warning: {message}"));
}

/// Prints the error that ends the program, and adds it to the log of the run.
pub(crate) fn error(error: &Error) {
    print(&format!("bcs-trainer: {error}"));
}

fn print(line: &str) {
    eprintln!("{line}");
    run_log::append(&format!("{line}\n"));
}
