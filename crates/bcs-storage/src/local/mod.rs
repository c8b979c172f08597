//! A folder as a bucket: an object is a file, which is written under a temporary name and then renamed.

mod generation;
mod list;
mod read;
mod write;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;
use crate::key;
use crate::store::{Generation, Object, Page, PutMode, Store};

/// Folder of unfinished writes, which [`Store::list`] skips.
const UNFINISHED: &str = ".unfinished";

/// Time of an operation without a deadline: a disk that hangs may not answer at all.
const TIME: Duration = Duration::from_secs(60);

/// A folder as a bucket.
///
/// Files and folders get the permissions that the umask leaves, so that a service under another user can read them.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
    deadline: Option<Instant>,
}

impl LocalStore {
    /// Opens the store in a folder, which is created if it does not exist.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Unavailable`] if the folder cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Self::as_it_is(root);
        fs::create_dir_all(store.root.join(UNFINISHED)).map_err(|error| store.failed("", &error))?;
        Ok(store)
    }

    /// Opens the store in a folder without creating anything before the first write, for reading folders that may not
    /// be writable. A folder that does not exist is an empty store.
    pub fn as_it_is(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), deadline: None }
    }

    fn unfinished(&self) -> PathBuf {
        self.root.join(UNFINISHED)
    }

    fn failed(&self, key: &str, error: &io::Error) -> Error {
        let (store, key, reason) = (self.name(), key.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::PermissionDenied => Error::PermissionDenied { store, key, reason },
            _ => Error::Unavailable { store, key, reason },
        }
    }

    fn failed_to_read(&self, key: &str, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound { store: self.name(), key: key.to_owned() },
            _ => self.failed(key, error),
        }
    }

    fn write_blocking(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<Generation, Error> {
        use write::Error as Write;
        let (store, named) = (|| self.name(), key.to_owned());
        write::write(&self.unfinished(), &self.root.join(key), bytes, mode).map_err(|error| match error {
            Write::Exists => Error::AlreadyExists { store: store(), key: named },
            Write::Changed => Error::Changed { store: store(), key: named },
            Write::Io(error) => self.failed(key, &error),
        })
    }

    fn delete_blocking(&self, key: &str) -> Result<(), Error> {
        write::delete(&self.unfinished(), &self.root.join(key)).map_err(|error| self.failed(key, &error))
    }

    /// Runs file operations on a thread for blocking work.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Self, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let unavailable =
            |reason: String| Err(Error::Unavailable { store: self.name(), key: key.to_owned(), reason });
        let (now, deadline) = (Instant::now(), self.deadline);
        if deadline.is_some_and(|deadline| deadline <= now) {
            return unavailable("the time is over".to_owned());
        }
        let (store, owned) = (self.clone(), key.to_owned());
        let work = tokio::task::spawn_blocking(move || work(&store, &owned));
        match tokio::time::timeout_at(deadline.unwrap_or(now + TIME).into(), work).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => unavailable(error.to_string()),
            Err(_) => unavailable("the file system did not answer in time".to_owned()),
        }
    }
}

#[async_trait]
impl Store for LocalStore {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn until(&self, deadline: Instant) -> Arc<dyn Store> {
        Arc::new(Self { root: self.root.clone(), deadline: Some(deadline) })
    }

    async fn write(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Generation, Error> {
        key::check(key)?;
        self.blocking(key, move |store, key| store.write_blocking(key, &bytes, mode)).await
    }

    async fn read(&self, key: &str) -> Result<Object, Error> {
        key::check(key)?;
        let read = |store: &Self, key: &str| {
            read::whole(&store.root.join(key)).map_err(|error| store.failed_to_read(key, &error))
        };
        self.blocking(key, read).await
    }

    /// Reads all files in one visit of a thread for blocking work, which costs more than reading a small file.
    async fn find_each(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>, Error> {
        keys.iter().try_for_each(|key| key::check(key))?;
        let first = keys.first().cloned().unwrap_or_default();
        let find = |store: &Self, key: &String| match read::whole(&store.root.join(key)) {
            Ok(object) => Ok(Some(object.bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(store.failed(key, &error)),
        };
        self.blocking(&first, move |store, _| keys.iter().map(|key| find(store, key)).collect()).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error> {
        key::check(key)?;
        let read = move |store: &Self, key: &str| {
            read::range(&store.root.join(key), &range).map_err(|error| store.failed_to_read(key, &error))
        };
        self.blocking(key, read).await
    }

    async fn get_range_of(
        &self,
        key: &str,
        _generation: Generation,
        _range: Range<u64>,
    ) -> Result<Bytes, Error> {
        let reason = "a folder keeps no versions of its objects".to_owned();
        Err(Error::Rejected { store: self.name(), key: key.to_owned(), reason })
    }

    async fn list_page(&self, prefix: &str, token: Option<&str>, limit: usize) -> Result<Page, Error> {
        key::check_prefix(prefix)?;
        let token = token.map(str::to_owned);
        let list = move |store: &Self, prefix: &str| {
            list::page(&store.root, prefix, token.as_deref(), limit)
                .map_err(|error| store.failed(prefix, &error))
        };
        self.blocking(prefix, list).await
    }

    /// Walks the folder once, and not for each page.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        key::check_prefix(prefix)?;
        let list = |store: &Self, prefix: &str| {
            list::keys(&store.root, prefix).map_err(|error| store.failed(prefix, &error))
        };
        self.blocking(prefix, list).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        key::check(key)?;
        self.blocking(key, Self::delete_blocking).await
    }

    /// Creates and deletes an unfinished file: a disk that is full or mounted read-only shows only then.
    async fn check(&self) -> Result<(), Error> {
        let check = |store: &Self, _: &str| {
            write::check(&store.unfinished()).map_err(|error| store.failed("", &error))
        };
        self.blocking("", check).await
    }
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
        assert_eq!(store.find("masks/a.png").await.unwrap(), None);
        assert_eq!(store.find(&records[0]).await.unwrap().as_deref(), Some(records[0].as_bytes()));
        assert!(matches!(store.find("../a").await, Err(Error::InvalidKey { .. })));
        let asked = vec![records[1].clone(), "gone".to_owned(), records[0].clone()];
        let found = store.find_each(asked).await.unwrap();
        assert_eq!(
            found,
            [Some(Bytes::from(records[1].clone())), None, Some(Bytes::from(records[0].clone()))]
        );
        assert!(matches!(store.find_each(vec!["../a".to_owned()]).await, Err(Error::InvalidKey { .. })));
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
    async fn a_folder_that_cannot_be_written_is_not_usable() {
        let (folder, store) = store();
        let unfinished = folder.path().join("bucket").join(UNFINISHED);
        fs::remove_dir(&unfinished).unwrap();
        fs::write(&unfinished, "in the way").unwrap();
        assert!(matches!(store.check().await, Err(Error::Unavailable { .. })));
        fs::remove_file(&unfinished).unwrap();
        store.check().await.unwrap();
        assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 0, "something is left over");
    }

    #[tokio::test]
    async fn operations_end_at_the_deadline() {
        let (folder, store) = store();
        // Reading a pipe that nobody writes to does not end.
        let pipe = folder.path().join("bucket/pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let late = store.until(Instant::now() + Duration::from_millis(50));
        assert!(matches!(late.get("pipe").await, Err(Error::Unavailable { .. })));
        // Ends the blocked thread.
        fs::OpenOptions::new().write(true).open(&pipe).unwrap();
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
