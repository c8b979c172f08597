use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Number of bytes of a fingerprint's checksum in the name of a folder.
const NAME_BYTES: usize = 16;

/// Folder of downloaded models.
#[derive(Debug)]
pub(super) struct Cache {
    /// Folder in which all are kept; `None` for a temporary folder with the newest.
    folder: Option<PathBuf>,
    newest: Mutex<Option<TempDir>>,
}

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, newest: Mutex::new(None) }
    }

    /// Returns the folder of the model with this fingerprint if it has been kept.
    pub(super) fn get(&self, fingerprint: &str) -> Option<PathBuf> {
        self.place(fingerprint).filter(|place| place.is_dir())
    }

    /// Forgets the model with this fingerprint.
    pub(super) fn remove(&self, fingerprint: &str) -> io::Result<()> {
        self.place(fingerprint).map_or(Ok(()), fs::remove_dir_all)
    }

    /// Returns an empty folder for a model.
    pub(super) fn begin(&self) -> io::Result<TempDir> {
        let Some(folder) = &self.folder else { return tempfile::tempdir() };
        fs::create_dir_all(folder)?;
        tempfile::Builder::new().prefix(".unfinished-").tempdir_in(folder)
    }

    /// Keeps a complete model and returns its folder.
    pub(super) fn keep(&self, fingerprint: &str, folder: TempDir) -> io::Result<PathBuf> {
        let Some(place) = self.place(fingerprint) else {
            let path = folder.path().to_owned();
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder);
            return Ok(path);
        };
        match fs::rename(folder.path(), &place) {
            // Its name is gone, so there is nothing to delete.
            Ok(()) => drop(folder.keep()),
            // Another process has kept the same model meanwhile.
            Err(_) if place.is_dir() => {}
            Err(error) => return Err(error),
        }
        Ok(place)
    }

    fn place(&self, fingerprint: &str) -> Option<PathBuf> {
        let digest = Sha256::digest(fingerprint.as_bytes());
        let name: String = digest.iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect();
        self.folder.as_deref().map(|folder: &Path| folder.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(cache: &Cache, fingerprint: &str) -> PathBuf {
        let folder = cache.begin().unwrap();
        fs::write(folder.path().join("metadata.json"), fingerprint).unwrap();
        cache.keep(fingerprint, folder).unwrap()
    }

    #[test]
    fn models_are_kept_by_their_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().join("cache")));
        assert_eq!(cache.get("a"), None);
        let [a, b] = ["a", "b"].map(|fingerprint| keep(&cache, fingerprint));
        assert_eq!((cache.get("a"), cache.get("b")), (Some(a.clone()), Some(b)));
        assert_eq!(keep(&cache, "a"), a);
        assert_eq!(fs::read_to_string(a.join("metadata.json")).unwrap(), "a");
        cache.remove("a").unwrap();
        assert_eq!(cache.get("a"), None);
        assert_eq!(fs::read_dir(folder.path().join("cache")).unwrap().count(), 1, "something is left over");
    }

    #[test]
    fn without_a_folder_only_the_newest_is_there() {
        let cache = Cache::new(None);
        let first = keep(&cache, "a");
        assert!(first.is_dir() && cache.get("a").is_none());
        let second = keep(&cache, "b");
        assert!(!first.exists() && second.is_dir());
        drop(cache);
        assert!(!second.exists());
    }
}
