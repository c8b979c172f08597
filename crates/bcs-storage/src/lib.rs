//! One trait over a bucket. Keys are paths with `/`; a write is whole or not at all; a create-only write tells
//! who came first.
//!
//! # Layout
//! - [`Store`]: the trait
//! - [`key`]: which keys are allowed
//! - [`local`]: a folder as a bucket

mod error;
pub mod key;
pub mod local;
mod store;

pub use bytes::Bytes;
pub use error::Error;
pub use local::LocalStore;
pub use store::{PutMode, Store};
