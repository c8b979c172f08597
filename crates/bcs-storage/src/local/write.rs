//! Writes files so that readers see all of them or nothing, and a crash loses none that was reported as written.
//!
//! A file is written under a temporary name, flushed and renamed, and the folders above it are flushed. To create a file
//! only where there is none, the system renames without replacing. Folders that are mounted buckets often can't: there,
//! writers of the same name exclude each other by a lock file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{Builder, NamedTempFile};

use super::generation;
use crate::store::{Generation, PutMode};

/// Age at which a lock file is that of a writer that has died. Renaming takes milliseconds.
const STALE: Duration = Duration::from_secs(30);
/// Time between two attempts to take a lock.
const RETRY: Duration = Duration::from_millis(10);

/// Why a file was not written.
#[derive(Debug)]
pub(super) enum Error {
    /// There is a file of that name.
    Exists,
    /// There is no file of that name and generation.
    Changed,
    /// The file system failed.
    Io(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a file. Temporary files are in the folder `unfinished`, which is created if only it is missing.
pub(super) fn write(
    unfinished: &Path,
    path: &Path,
    bytes: &[u8],
    mode: PutMode,
) -> Result<Generation, Error> {
    let mut file = temporary(unfinished)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    let generation = generation::of(&file.as_file().metadata()?);
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folders(folder)?;
    match mode {
        PutMode::Create => create(unfinished, file, path).map_err(existing)?,
        PutMode::Overwrite => replace(unfinished, file, path, None)?,
        PutMode::IfGeneration(expected) => replace(unfinished, file, path, Some(expected))?,
    }
    sync_folder(folder)?;
    Ok(generation)
}

fn existing(error: io::Error) -> Error {
    if error.kind() == ErrorKind::AlreadyExists { Error::Exists } else { error.into() }
}

/// Deletes a file if it exists.
pub(super) fn delete(unfinished: &Path, path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(());
    }
    fs::create_dir(unfinished).or_else(accept_existing)?;
    let _lock = Lock::take(lock_path(unfinished, path))?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Checks that files can be written, by creating and deleting one.
pub(super) fn check(unfinished: &Path) -> io::Result<()> {
    let mut file = temporary(unfinished)?;
    file.write_all(b"check")?;
    file.close()
}

fn temporary(unfinished: &Path) -> io::Result<NamedTempFile> {
    // The default of temporary files is 0600; the umask applies to this mode as it does to that of any new file.
    let create = || Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(unfinished);
    match create() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Not its parents: a store that has vanished is not to be made anew, empty.
            fs::create_dir(unfinished).or_else(accept_existing)?;
            create()
        }
        result => result,
    }
}

/// Creates a folder and those above it, and flushes the folders that got a new one.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    create_folders(parent)?;
    fs::create_dir(folder).or_else(accept_existing)?;
    sync_folder(parent)
}

/// Another writer has created the folder meanwhile.
fn accept_existing(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// Flushes the entries of a folder to disk, where the file system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Gives the file its name, unless there is one of that name.
fn create(unfinished: &Path, file: NamedTempFile, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, file.path(), CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {
            // The name is gone, so there is nothing to delete.
            let _ = file.into_temp_path().keep();
            Ok(())
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
            create_locked(unfinished, file, path)
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the file its name in place of the one that has it, which must have the generation, if one is given. Holds the
/// lock that all who replace or delete the file hold.
fn replace(
    unfinished: &Path,
    file: NamedTempFile,
    path: &Path,
    expected: Option<Generation>,
) -> Result<(), Error> {
    let _lock = Lock::take(lock_path(unfinished, path))?;
    if let Some(expected) = expected {
        match fs::metadata(path) {
            Ok(found) if generation::of(&found) == expected => {}
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => return Err(Error::Changed),
        }
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Does the same as [`create`] where the system can't: holds a lock while it looks and renames.
fn create_locked(unfinished: &Path, file: NamedTempFile, path: &Path) -> io::Result<()> {
    let _lock = Lock::take(lock_path(unfinished, path))?;
    if fs::symlink_metadata(path).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    file.persist(path)?;
    Ok(())
}

fn lock_path(unfinished: &Path, path: &Path) -> PathBuf {
    // Two paths with the same hash only wait for each other.
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    unfinished.join(format!("{:016x}.lock", hasher.finish()))
}

/// A lock file, which is deleted when dropped.
struct Lock(PathBuf);

impl Lock {
    fn take(path: PathBuf) -> io::Result<Self> {
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(_) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if is_stale(&path) {
                        let _ = fs::remove_file(&path);
                    }
                    thread::sleep(RETRY);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that remains becomes stale.
        let _ = fs::remove_file(&self.0);
    }
}

fn is_stale(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| SystemTime::now().duration_since(written).is_ok_and(|age| age > STALE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates the same file from many threads and returns how many succeeded.
    fn race(attempt: impl Fn(&Path, NamedTempFile, &Path) -> io::Result<()> + Sync) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let (unfinished, path) = (folder.path().join("u"), folder.path().join("object"));
        let one = |writer: u8| {
            let mut file = temporary(&unfinished).unwrap();
            file.write_all(&[writer; 100]).unwrap();
            match attempt(&unfinished, file, &path) {
                Ok(()) => true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
                    false
                }
            }
        };
        let created = thread::scope(|scope| {
            let writers: Vec<_> = (0..16)
                .map(|writer| {
                    scope.spawn({
                        let one = &one;
                        move || one(writer)
                    })
                })
                .collect();
            writers.into_iter().map(|writer| usize::from(writer.join().unwrap())).sum()
        });
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 100 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 0, "something is left over");
        created
    }

    #[test]
    fn one_of_many_writers_creates_the_file() {
        assert_eq!(race(create), 1);
        // As in a mounted bucket, without the help of the system.
        assert_eq!(race(create_locked), 1);
    }

    #[test]
    fn the_lock_of_a_dead_writer_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let lock = File::create(&path).unwrap();
        lock.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        drop(Lock::take(path.clone()).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn folders_are_created_but_not_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let (root, path) = (folder.path().join("store"), folder.path().join("store/a/b/c"));
        let put = || write(&root.join("unfinished"), &path, b"x", PutMode::Create);
        assert!(matches!(put(), Err(Error::Io(error)) if error.kind() == ErrorKind::NotFound));
        assert!(!root.exists());
        fs::create_dir(&root).unwrap();
        put().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }
}
