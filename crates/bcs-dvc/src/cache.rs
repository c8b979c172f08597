use std::fs::{Permissions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File, OpenOptions};

use crate::md5::{self, Hasher};
use crate::object::{HashName, ObjectId};

/// Folder of objects that are not complete yet.
const UNFINISHED: &str = ".unfinished";

/// Permissions of objects, as DVC sets them.
const READ_ONLY: u32 = 0o444;

/// Cache of objects in a folder, which DVC uses as well.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// An object that is not complete yet. It is locked, so that one process writes it; it stays when the process ends.
pub(crate) struct Unfinished {
    file: File,
    path: PathBuf,
    hasher: Hasher,
    length: u64,
    hash: HashName,
}

impl Cache {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the path of an object.
    pub(crate) fn path(&self, object: &ObjectId) -> PathBuf {
        self.root.join(object.key())
    }

    /// Whether there is a file of an object, whatever its content.
    pub(crate) fn has(&self, object: &ObjectId) -> bool {
        self.path(object).exists()
    }

    /// Whether an object is there and has its hash. A damaged one is removed.
    pub(crate) fn has_valid(&self, object: &ObjectId) -> std::io::Result<bool> {
        let path = self.path(object);
        match md5::of_file(&path, object.hash) {
            Ok(found) if found == object.md5() => Ok(true),
            Ok(_) => fs::remove_file(&path).map(|()| false),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Adds an object from a file that is known to have its hash.
    pub(crate) fn add_copy(&self, object: &ObjectId, from: &Path) -> std::io::Result<()> {
        let Some(mut unfinished) = self.begin(object)? else { return Ok(()) };
        unfinished.restart()?;
        std::io::copy(&mut File::open(from)?, &mut unfinished.file)?;
        self.keep(&unfinished.path, object)
    }

    /// Begins an object, or goes on with one that was interrupted; `None` if another process writes it.
    pub(crate) fn begin(&self, object: &ObjectId) -> std::io::Result<Option<Unfinished>> {
        let folder = self.root.join(UNFINISHED);
        fs::create_dir_all(&folder)?;
        let legacy = if object.hash == HashName::Md5Dos2Unix { ".legacy" } else { "" };
        let path = folder.join(format!("{object}{legacy}"));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // The file system knows no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Another process may have finished it between the opening and the locking.
        if fs::metadata(&path).map(|found| found.ino()).ok() != Some(file.metadata()?.ino()) {
            return Ok(None);
        }
        let mut hasher = Hasher::new(object.hash);
        let length = md5::add_file(&mut hasher, &mut file)?;
        Ok(Some(Unfinished { file, path, hasher, length, hash: object.hash }))
    }

    /// Ends an object: it is kept if it has its hash, else removed. Returns the hash that it has if that is another one.
    pub(crate) fn finish(
        &self,
        unfinished: Unfinished,
        object: &ObjectId,
    ) -> std::io::Result<Result<(), String>> {
        let found = unfinished.hasher.finish();
        if found != object.md5() {
            fs::remove_file(&unfinished.path)?;
            return Ok(Err(found));
        }
        self.keep(&unfinished.path, object).map(Ok)
    }

    fn keep(&self, complete: &Path, object: &ObjectId) -> std::io::Result<()> {
        let path = self.path(object);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(complete, &path)?;
        fs::set_permissions(path, Permissions::from_mode(READ_ONLY))
    }
}

impl Unfinished {
    /// Number of bytes that are there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Removes it.
    pub(crate) fn discard(self) -> std::io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// Removes all bytes.
    pub(crate) fn restart(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::new(self.hash);
        self.length = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf hello | md5sum`
    const HELLO: &str = "5d41402abc4b2a76b9719d911017c592";

    fn cache() -> (tempfile::TempDir, Cache, ObjectId) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        (folder, cache, ObjectId::parse(HELLO, HashName::Md5).unwrap())
    }

    #[test]
    fn an_interrupted_object_goes_on() {
        let (_folder, cache, object) = cache();
        let mut unfinished = cache.begin(&object).unwrap().unwrap();
        unfinished.append(b"hel").unwrap();
        assert!(cache.begin(&object).unwrap().is_none(), "it is locked");
        drop(unfinished);
        let mut unfinished = cache.begin(&object).unwrap().unwrap();
        assert_eq!(unfinished.length(), 3);
        unfinished.append(b"lo").unwrap();
        assert_eq!(cache.finish(unfinished, &object).unwrap(), Ok(()));
        assert_eq!(fs::read(cache.path(&object)).unwrap(), b"hello");
        assert!(fs::metadata(cache.path(&object)).unwrap().permissions().readonly());
        assert!(cache.has_valid(&object).unwrap());
    }

    #[test]
    fn an_object_with_another_hash_is_not_kept() {
        let (_folder, cache, object) = cache();
        let mut unfinished = cache.begin(&object).unwrap().unwrap();
        unfinished.append(b"help").unwrap();
        let found = cache.finish(unfinished, &object).unwrap().unwrap_err();
        assert_eq!(found, "657f8b8da628ef83cf69101b6817150a");
        assert!(!cache.has(&object) && cache.begin(&object).unwrap().unwrap().length() == 0);
    }

    #[test]
    fn a_damaged_object_is_removed() {
        let (folder, cache, object) = cache();
        let file = folder.path().join("file");
        fs::write(&file, "hello").unwrap();
        cache.add_copy(&object, &file).unwrap();
        assert!(cache.has_valid(&object).unwrap());
        fs::set_permissions(cache.path(&object), Permissions::from_mode(0o644)).unwrap();
        fs::write(cache.path(&object), "jello").unwrap();
        assert!(!cache.has_valid(&object).unwrap() && !cache.has(&object));
    }
}
