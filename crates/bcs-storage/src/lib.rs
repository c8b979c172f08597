//! Object storage behind one trait, [`Store`]. Keys are paths with `/`; writes are atomic; a write with
//! [`PutMode::Create`] fails if the object exists, so that of several writers exactly one succeeds.
//!
//! # Layout
//! - [`gcs`]: Google Cloud Storage
//! - [`key`]: validation of keys
//! - [`local`]: a folder as a bucket
//! - [`open()`]: picks the store that a setting names
//! - [`Store`]: the trait
//! - [`uri`]: names of buckets and `gs://` URIs

mod error;
pub mod gcs;
pub mod key;
pub mod local;
mod open;
mod store;
pub mod uri;

pub use bytes::Bytes;
pub use error::Error;
pub use gcs::GcsStore;
pub use local::LocalStore;
pub use open::{open, open_as_it_is};
pub use store::{Entry, Generation, MAX_PAGE, Object, Page, PutMode, Store};
pub use uri::Uri;
