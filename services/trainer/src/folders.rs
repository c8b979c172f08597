//! Folders of runs, and files in them.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::ZonedDateTime;

use crate::error::Result;

/// Creates the folder `name` in `parent`, or `name-1`, `name-2`, … if it exists, and returns it. Two processes never get
/// the same folder.
pub(crate) fn create_unique(parent: &Path, name: &str) -> Result<PathBuf> {
    fs::create_dir_all(parent)?;
    let mut folder = parent.join(name);
    let mut count = 0;
    loop {
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                count += 1;
                folder = parent.join(format!("{name}-{count}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Creates the output folder of a run, `<root>/YYYY-MM-DD/HH-MM-SS` in local time, as Hydra names it.
pub(crate) fn create_dated(root: &Path, time: &ZonedDateTime) -> Result<PathBuf> {
    let day = root.join(time.strftime("%Y-%m-%d").to_string());
    create_unique(&day, &time.strftime("%H-%M-%S").to_string())
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// [`crate::error::Error::Io`].
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let mut file = fs::File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(fs::rename(partial, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_second_get_different_folders() {
        let root = tempfile::tempdir().unwrap();
        let time: ZonedDateTime = "2026-01-02T03:04:05[UTC]".parse().unwrap();
        let create = || create_dated(root.path(), &time).unwrap();
        let folders = [create(), create(), create()];
        for (folder, name) in folders.iter().zip(["03-04-05", "03-04-05-1", "03-04-05-2"]) {
            assert_eq!(*folder, root.path().join("2026-01-02").join(name));
            assert!(folder.is_dir());
        }
    }
}
