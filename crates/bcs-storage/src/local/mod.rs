//! A folder as a bucket: an object is a file, which is written under a temporary name and then renamed.

mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;
use crate::key;
use crate::store::{PutMode, Store};

/// Folder of unfinished writes, which [`Store::list`] skips.
const UNFINISHED: &str = ".unfinished";

/// A folder as a bucket.
///
/// Files and folders get the permissions that the umask leaves, so that a service under another user can read them.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// Opens the store in a folder, which is created if it does not exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the folder cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Self { root: root.into() };
        fs::create_dir_all(store.root.join(UNFINISHED)).map_err(|error| store.unavailable("", &error))?;
        Ok(store)
    }

    /// Opens the store in a folder without creating anything before the first write, for reading folders that may not
    /// be writable. A folder that does not exist is an empty store.
    pub fn as_it_is(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn unavailable(&self, key: &str, error: &io::Error) -> Error {
        Error::Unavailable { store: self.name(), key: key.to_owned(), reason: error.to_string() }
    }

    fn put_blocking(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        let path = self.root.join(key);
        write::write(&self.root.join(UNFINISHED), &path, bytes, mode).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::AlreadyExists { store: self.name(), key: key.to_owned() },
            _ => self.unavailable(key, &error),
        })
    }

    fn get_blocking(&self, key: &str) -> Result<Bytes, Error> {
        match fs::read(self.root.join(key)) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotFound { store: self.name(), key: key.to_owned() })
            }
            Err(error) => Err(self.unavailable(key, &error)),
        }
    }

    fn list_blocking(&self, prefix: &str) -> Result<Vec<String>, Error> {
        // Only the folder of the prefix is walked, not the whole bucket.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut keys = Vec::new();
        walk(&self.root, &self.root.join(folder), &mut keys)
            .map_err(|error| self.unavailable(prefix, &error))?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort_unstable();
        Ok(keys)
    }

    fn delete_blocking(&self, key: &str) -> Result<(), Error> {
        match fs::remove_file(self.root.join(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unavailable(key, &error)),
            _ => Ok(()),
        }
    }

    fn check_blocking(&self) -> Result<(), Error> {
        let kind = fs::metadata(&self.root).map_err(|error| self.unavailable("", &error))?;
        if kind.is_dir() {
            return Ok(());
        }
        Err(self.unavailable("", &io::ErrorKind::NotADirectory.into()))
    }

    /// Runs file operations on a thread for blocking work.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Self, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (store, owned) = (self.clone(), key.to_owned());
        tokio::task::spawn_blocking(move || work(&store, &owned)).await.unwrap_or_else(|error| {
            Err(Error::Unavailable { store: self.name(), key: key.to_owned(), reason: error.to_string() })
        })
    }
}

#[async_trait]
impl Store for LocalStore {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<(), Error> {
        key::check(key)?;
        self.blocking(key, move |store, key| store.put_blocking(key, &bytes, mode)).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, Error> {
        key::check(key)?;
        self.blocking(key, Self::get_blocking).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        if !prefix.is_empty() {
            key::check(prefix.trim_end_matches('/'))?;
        }
        self.blocking(prefix, Self::list_blocking).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        key::check(key)?;
        self.blocking(key, Self::delete_blocking).await
    }

    async fn check(&self) -> Result<(), Error> {
        self.blocking("", |store, _| store.check_blocking()).await
    }
}

fn walk(root: &Path, folder: &Path, keys: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != UNFINISHED) {
                walk(root, &path, keys)?;
            }
        } else if let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            keys.push(key.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, LocalStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path().join("bucket")).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn objects_can_be_read_listed_and_deleted() {
        let (_folder, store) = store();
        for key in ["records/date=2026-01-02/b.json", "records/date=2026-01-02/a.json", "masks/a.png"] {
            store.put(key, Bytes::from(key.to_owned()), PutMode::Create).await.unwrap();
        }
        assert_eq!(store.get("masks/a.png").await.unwrap(), "masks/a.png");
        let records = store.list("records/").await.unwrap();
        assert_eq!(records, ["records/date=2026-01-02/a.json", "records/date=2026-01-02/b.json"]);
        assert_eq!(store.list("rec").await.unwrap().len(), 2);
        assert_eq!(store.list("").await.unwrap().len(), 3);
        assert!(store.list("nothing/here/").await.unwrap().is_empty());
        store.delete("masks/a.png").await.unwrap();
        store.delete("masks/a.png").await.unwrap();
        assert!(matches!(store.get("masks/a.png").await, Err(Error::NotFound { .. })));
    }

    #[tokio::test]
    async fn of_concurrent_creates_exactly_one_succeeds() {
        let (_folder, store) = store();
        let writes = (0..16u8).map(|writer| {
            let store = store.clone();
            tokio::spawn(
                async move { store.put("one", Bytes::from(vec![writer; 1000]), PutMode::Create).await },
            )
        });
        let mut created = 0;
        for write in writes.collect::<Vec<_>>() {
            match write.await.unwrap() {
                Ok(()) => created += 1,
                Err(error) => assert!(matches!(error, Error::AlreadyExists { .. }), "{error}"),
            }
        }
        assert_eq!(created, 1);
        let bytes = store.get("one").await.unwrap();
        assert!(bytes.len() == 1000 && bytes.iter().all(|byte| *byte == bytes[0]), "a torn write");
        store.put("one", Bytes::from_static(b"two"), PutMode::Overwrite).await.unwrap();
        assert_eq!(store.get("one").await.unwrap(), "two");
    }

    #[tokio::test]
    async fn an_unavailable_store_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "in the way").unwrap();
        let error = LocalStore::open(file.join("bucket")).unwrap_err();
        assert!(error.to_string().contains("file/bucket"), "{error}");
        let (folder, store) = store();
        assert!(store.probe().await.is_ok() && store.check().await.is_ok());
        drop(folder);
        assert!(matches!(store.check().await, Err(Error::Unavailable { .. })));
        assert!(matches!(store.probe().await, Err(Error::Unavailable { .. })));
    }

    #[tokio::test]
    async fn the_folder_of_unfinished_writes_is_made_again_but_not_the_store() {
        let (folder, store) = store();
        let put = |key: &'static str| store.put(key, Bytes::from_static(b"1"), PutMode::Create);
        fs::remove_dir(folder.path().join("bucket").join(UNFINISHED)).unwrap();
        put("a").await.unwrap();
        fs::remove_dir_all(folder.path().join("bucket")).unwrap();
        assert!(matches!(put("b").await, Err(Error::Unavailable { .. })));
        assert!(!folder.path().join("bucket").exists());
    }

    #[tokio::test]
    async fn reading_creates_nothing() {
        let (folder, _) = store();
        let store = LocalStore::as_it_is(folder.path().join("other"));
        assert!(store.list("records/").await.unwrap().is_empty());
        assert!(matches!(store.get("a").await, Err(Error::NotFound { .. })));
        assert!(!folder.path().join("other").exists());
    }

    #[tokio::test]
    async fn keys_outside_the_folder_are_errors() {
        let (_folder, store) = store();
        let error = store.put("../escape", Bytes::new(), PutMode::Overwrite).await.unwrap_err();
        assert!(matches!(error, Error::InvalidKey { .. }));
        assert!(store.list("../").await.is_err());
    }
}
