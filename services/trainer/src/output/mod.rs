//! What people see.

pub mod progress;
pub mod sheet;
pub mod table;
