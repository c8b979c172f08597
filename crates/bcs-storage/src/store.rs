use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;

/// Version of an object's content, which every write changes: in Google Cloud Storage the generation, in a folder a
/// number made of the identity, size and time of modification of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(pub i64);

/// Behaviour of a write where the object already exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// Fails with [`Error::AlreadyExists`].
    Create,
    /// Replaces the object.
    Overwrite,
    /// Replaces the object of this generation; fails with [`Error::Changed`] if it has another one or does not exist.
    IfGeneration(Generation),
}

/// The content of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub bytes: Bytes,
    /// Its generation.
    pub generation: Generation,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// The generation.
    pub generation: Generation,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects in ascending order of their keys.
    pub entries: Vec<Entry>,
    /// Token of the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A bucket of named objects with atomic writes.
///
/// An operation that may succeed later is tried again until its time is over: that of [`Store::until`], or a minute.
#[async_trait]
pub trait Store: Send + Sync {
    /// Name of the store for messages: the path of a folder, `gs://bucket`.
    fn name(&self) -> String;

    /// Returns the same store for operations that must be done by `deadline`. One that is not fails with
    /// [`Error::Unavailable`]; a write may have been done nevertheless.
    fn until(&self, deadline: Instant) -> Arc<dyn Store>;

    /// Writes an object atomically: readers see all of it or nothing. Once it returns `Ok`, the object is stored.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] with [`PutMode::Create`]; [`Error::Changed`] with [`PutMode::IfGeneration`];
    /// [`Error::InvalidKey`]; [`Error::PermissionDenied`]; [`Error::Unavailable`]; [`Error::Rejected`].
    async fn write(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Generation, Error>;

    /// Reads an object and its generation.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidKey`]; [`Error::PermissionDenied`]; [`Error::Unavailable`];
    /// [`Error::Rejected`].
    async fn read(&self, key: &str) -> Result<Object, Error>;

    /// Reads the bytes of an object in a range. Those past the end of the object are left out. The checksum of the object
    /// is compared only if the range holds all of it and goes beyond.
    ///
    /// # Errors
    /// As [`Store::read`].
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error>;

    /// Reads as [`Store::get_range`] does, but from the object of a generation, which may have been replaced since.
    ///
    /// # Errors
    /// As [`Store::read`]; [`Error::Rejected`] if the store keeps no generation but the newest.
    async fn get_range_of(
        &self,
        key: &str,
        generation: Generation,
        range: Range<u64>,
    ) -> Result<Bytes, Error>;

    /// Lists objects whose keys start with `prefix`, all if it is empty: the first page, or the one of a token that an
    /// earlier page returned for the same prefix. A page has at most `limit` entries.
    ///
    /// # Errors
    /// [`Error::InvalidKey`]; [`Error::NotFound`] if there is no such bucket; [`Error::PermissionDenied`];
    /// [`Error::Unavailable`]; [`Error::Rejected`].
    async fn list_page(&self, prefix: &str, token: Option<&str>, limit: usize) -> Result<Page, Error>;

    /// Deletes an object. Deleting an object that does not exist succeeds.
    ///
    /// # Errors
    /// [`Error::InvalidKey`]; [`Error::PermissionDenied`]; [`Error::Unavailable`]; [`Error::Rejected`].
    async fn delete(&self, key: &str) -> Result<(), Error>;

    /// Checks that the store can be used, which costs less than [`Store::probe`] and leaves nothing in it.
    ///
    /// # Errors
    /// As [`Store::list_page`].
    async fn check(&self) -> Result<(), Error>;

    /// Writes an object as [`Store::write`] does.
    ///
    /// # Errors
    /// As [`Store::write`].
    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<(), Error> {
        self.write(key, bytes, mode).await.map(|_| ())
    }

    /// Reads an object as [`Store::read`] does.
    ///
    /// # Errors
    /// As [`Store::read`].
    async fn get(&self, key: &str) -> Result<Bytes, Error> {
        self.read(key).await.map(|object| object.bytes)
    }

    /// Reads an object as [`Store::read`] does; `None` if there is no such object.
    ///
    /// # Errors
    /// As [`Store::read`], but for [`Error::NotFound`].
    async fn find(&self, key: &str) -> Result<Option<Bytes>, Error> {
        match self.get(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads objects one after the other as [`Store::find`] does, and returns them in the order of the keys.
    ///
    /// # Errors
    /// As [`Store::find`].
    async fn find_each(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>, Error> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.find(&key).await?);
        }
        Ok(found)
    }

    /// Returns all keys that start with `prefix` (all keys if it is empty), in ascending order.
    ///
    /// # Errors
    /// As [`Store::list_page`].
    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let (mut keys, mut token) = (Vec::new(), None);
        loop {
            let page = self.list_page(prefix, token.as_deref(), MAX_PAGE).await?;
            keys.extend(page.entries.into_iter().map(|entry| entry.key));
            token = page.next;
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Checks that the store can be used, by writing, reading and deleting a small object.
    ///
    /// # Errors
    /// As [`Store::write`].
    async fn probe(&self) -> Result<(), Error> {
        let key = format!("probe/{}", uuid::Uuid::now_v7());
        self.put(&key, Bytes::from_static(b"probe"), PutMode::Create).await?;
        self.get(&key).await?;
        self.delete(&key).await
    }
}

/// Largest page of a list, as in Google Cloud Storage.
pub const MAX_PAGE: usize = 1000;
