use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;

/// What a write does where an object exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// Fails with [`Error::AlreadyExists`].
    Create,
    /// Replaces it.
    Overwrite,
}

/// A bucket: named objects, written whole or not at all.
#[async_trait]
pub trait Store: Send + Sync {
    /// What people call it, for messages: a folder's path, `gs://bucket`.
    fn name(&self) -> String;

    /// Writes an object. When it returns `Ok`, the object is stored and readers see all of it.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] with [`PutMode::Create`]; [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<(), Error>;

    /// Reads an object.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn get(&self, key: &str) -> Result<Bytes, Error>;

    /// All keys that begin with `prefix` (empty: all), in ascending order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error>;

    /// Removes an object; it is no error that there is none.
    ///
    /// # Errors
    /// [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn delete(&self, key: &str) -> Result<(), Error>;

    /// Writes, reads and removes a small object: fails where the others would.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn probe(&self) -> Result<(), Error> {
        let key = format!("probe/{}", uuid::Uuid::now_v7());
        self.put(&key, Bytes::from_static(b"probe"), PutMode::Create).await?;
        self.get(&key).await?;
        self.delete(&key).await
    }
}
