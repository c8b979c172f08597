//! What people see.

pub(crate) mod progress;
pub(crate) mod sheet;
pub(crate) mod table;
