//! Object storage behind one trait, [`Store`]. Keys are paths with `/`; writes are atomic; a write with
//! [`PutMode::Create`] fails if the object exists, so that of several writers exactly one succeeds.
//!
//! # Layout
//! - [`key`]: validation of keys
//! - [`local`]: a folder as a bucket
//! - [`Store`]: the trait

mod error;
pub mod key;
pub mod local;
mod store;

pub use bytes::Bytes;
pub use error::Error;
pub use local::LocalStore;
pub use store::{PutMode, Store};
