//! Model packages on disk: the description, and the other files with their checksums. What the files hold is the matter
//! of those who run the model, so that this crate needs none of their libraries.
//!
//! # Layout
//! - `error`: why a package could not be read or written
//! - `read`: reading, with the checksums verified
//! - `write`: writing, so that others see a whole package or none

mod error;
mod read;
mod write;

pub use error::Error;
pub use read::{name_classes, parse_json, read_file, read_files, read_listed, read_metadata, sha256, verify};
pub use write::{Existing, write};
