//! Output for people: progress, tables and pictures.

pub(crate) mod contact_sheet;
pub(crate) mod layers;
pub(crate) mod loaded;
pub(crate) mod progress;
pub(crate) mod sheet;
pub(crate) mod table;

/// Prints a warning.
pub(crate) fn warn(message: &str) {
    eprintln!("bcs-trainer: warning: {message}");
}
