//! Google Cloud Storage: small objects by Google's client, lists, deletions and large uploads by the JSON API.
//!
//! # Layout
//! - [`Endpoint`]: Google, or an emulator
//! - `api`: requests of the JSON API
//! - `bucket`: a bucket and its clients
//! - `credentials`: of the application, or none
//! - `failure`: classifies what went wrong
//! - `list`, `read`, `remove`, `write`: the operations
//! - `metadata`: description of an object as the JSON API gives it
//! - `resumable`: uploads of large objects in parts
//! - `retry`: attempts within a deadline

mod api;
mod bucket;
mod credentials;
mod endpoint;
mod failure;
mod list;
mod metadata;
mod read;
mod remove;
mod resumable;
mod retry;
mod write;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;
use crate::key;
use crate::store::{Generation, Object, Page, PutMode, Store};
use crate::uri::Uri;
use bucket::Bucket;
use failure::Failure;

pub use endpoint::Endpoint;

/// Key that no object has.
const NO_OBJECT: &str = "probe/none";

/// Time of an operation without a deadline.
const TIME: Duration = Duration::from_secs(60);

/// A bucket of Google Cloud Storage, or a prefix of keys in it. Clones share the connections.
#[derive(Clone)]
pub struct GcsStore {
    bucket: Arc<Bucket>,
    deadline: Option<Instant>,
}

impl GcsStore {
    /// Makes the clients of a bucket, with application-default credentials unless the endpoint is an emulator. No request
    /// is sent to the bucket. Connections belong to the async runtime that this is called in.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] for credentials that cannot be read; [`Error::Unavailable`] if the system has no TLS
    /// certificates.
    pub async fn connect(uri: &Uri, endpoint: &Endpoint) -> Result<Self, Error> {
        let bucket =
            Bucket::connect(uri, endpoint).await.map_err(|failure| failure.at(&uri.to_string(), ""))?;
        Ok(Self { bucket: Arc::new(bucket), deadline: None })
    }

    fn deadline(&self) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + TIME)
    }

    /// Names the store and the key in an error.
    fn at(&self, key: &str) -> impl FnOnce(Failure) -> Error {
        let (store, key) = (self.name(), key.to_owned());
        move |failure| failure.at(&store, &key)
    }
}

#[async_trait]
impl Store for GcsStore {
    fn name(&self) -> String {
        self.bucket.uri.to_string()
    }

    fn until(&self, deadline: Instant) -> Arc<dyn Store> {
        Arc::new(Self { bucket: Arc::clone(&self.bucket), deadline: Some(deadline) })
    }

    async fn write(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Generation, Error> {
        key::check(key)?;
        self.bucket.write(key, bytes, mode, self.deadline()).await.map_err(|failure| match (failure, mode) {
            (Failure::Precondition, PutMode::Create) => {
                Error::AlreadyExists { store: self.name(), key: key.to_owned() }
            }
            (failure, _) => failure.of_bucket().at(&self.name(), key),
        })
    }

    async fn read(&self, key: &str) -> Result<Object, Error> {
        key::check(key)?;
        self.bucket.read(key, self.deadline()).await.map_err(self.at(key))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error> {
        key::check(key)?;
        self.bucket.read_range(key, None, range, self.deadline()).await.map_err(self.at(key))
    }

    async fn get_range_of(
        &self,
        key: &str,
        generation: Generation,
        range: Range<u64>,
    ) -> Result<Bytes, Error> {
        key::check(key)?;
        self.bucket.read_range(key, Some(generation), range, self.deadline()).await.map_err(self.at(key))
    }

    async fn list_page(&self, prefix: &str, token: Option<&str>, limit: usize) -> Result<Page, Error> {
        key::check_prefix(prefix)?;
        let page = self.bucket.list(prefix, token, limit, self.deadline()).await;
        page.map_err(|failure| failure.of_bucket().at(&self.name(), prefix))
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        key::check(key)?;
        self.bucket.delete(key, self.deadline()).await.map_err(self.at(key))
    }

    /// Lists one object, for which the role that reads and writes objects suffices. Once that succeeded, looks for an object
    /// that does not exist instead, which costs a tenth of a list.
    async fn check(&self) -> Result<(), Error> {
        if !self.bucket.listed.load(Ordering::Relaxed) {
            self.list_page("", None, 1).await?;
            self.bucket.listed.store(true, Ordering::Relaxed);
            return Ok(());
        }
        match self.get_range(NO_OBJECT, 0..1).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
