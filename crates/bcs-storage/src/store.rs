use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;

/// Behaviour of a write where the object already exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// Fails with [`Error::AlreadyExists`].
    Create,
    /// Replaces the object.
    Overwrite,
}

/// A bucket of named objects with atomic writes.
#[async_trait]
pub trait Store: Send + Sync {
    /// Name of the store for messages: the path of a folder, `gs://bucket`.
    fn name(&self) -> String;

    /// Writes an object atomically: readers see all of it or nothing. Once it returns `Ok`, the object is stored.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] with [`PutMode::Create`]; [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<(), Error>;

    /// Reads an object.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn get(&self, key: &str) -> Result<Bytes, Error>;

    /// Returns all keys that start with `prefix` (all keys if it is empty), in ascending order.
    ///
    /// # Errors
    /// [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error>;

    /// Deletes an object. Deleting an object that does not exist succeeds.
    ///
    /// # Errors
    /// [`Error::InvalidKey`]; [`Error::Unavailable`].
    async fn delete(&self, key: &str) -> Result<(), Error>;

    /// Checks that the store can be used, by writing, reading and deleting a small object.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn probe(&self) -> Result<(), Error> {
        let key = format!("probe/{}", uuid::Uuid::now_v7());
        self.put(&key, Bytes::from_static(b"probe"), PutMode::Create).await?;
        self.get(&key).await?;
        self.delete(&key).await
    }

    /// Checks that the store is there, which costs less than [`Store::probe`] and changes nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn check(&self) -> Result<(), Error>;
}
