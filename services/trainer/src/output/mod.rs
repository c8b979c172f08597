//! Output for people: progress, tables and pictures.

pub(crate) mod progress;
pub(crate) mod sheet;
pub(crate) mod table;
