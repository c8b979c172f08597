//! Writing a model package so that others see a whole one or none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::METADATA_FILE;
use tempfile::TempDir;

use crate::error::Error;
use crate::read::sha256;

/// How [`write()`] treats a folder that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Fails with [`Error::Exists`] unless the folder is empty.
    Refuse,
    /// Replaces a model package; any other folder with files in it is refused.
    Replace,
}

/// Writes a package folder from its files by name; adds their checksums to `metadata`.
///
/// The files go to a temporary folder beside `folder`, `metadata.json` last; each is flushed to disk. The temporary
/// folder is then renamed, so that `folder` is never seen half written and concurrent writers do not mix. Replacing
/// is a single exchange of both folders where the file system can do that (Linux: ext4, XFS, Btrfs, tmpfs).
/// Elsewhere the old package is moved aside first: a process that dies between the two renames leaves the old package
/// whole in `.<name>.replaced-*/` beside `folder`. A process that dies earlier leaves a folder `.<name>.new-*`, which
/// can be deleted.
///
/// # Errors
/// [`Error::Exists`]; [`Error::Write`] for a name that is not a plain file name and for failures of the file system.
pub fn write(
    folder: &Path,
    metadata: PackageMetadata,
    files: &BTreeMap<String, Vec<u8>>,
    existing: Existing,
) -> Result<(), Error> {
    check_target(folder, existing)?;
    let parent = parent_of(folder);
    fs::create_dir_all(&parent).map_err(|error| failed(&parent, &error))?;
    let temporary = temporary_beside(folder, "new")?;
    write_files(temporary.path(), metadata, files)?;
    install(temporary, folder, existing)?;
    sync_folder(&parent)
}

/// Refuses early what [`install`] would refuse after all files are written.
fn check_target(folder: &Path, existing: Existing) -> Result<(), Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(folder, &error)),
    };
    if entries.count() == 0 {
        return Ok(());
    }
    match existing {
        Existing::Refuse => Err(Error::Exists { path: folder.display().to_string() }),
        Existing::Replace if folder.join(METADATA_FILE).is_file() => Ok(()),
        Existing::Replace => {
            let reason = format!(
                "it is not a model package (no {METADATA_FILE}) and has files in it; choose another folder"
            );
            Err(failed(folder, &reason))
        }
    }
}

fn write_files(
    folder: &Path,
    mut metadata: PackageMetadata,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Error> {
    for (name, bytes) in files {
        if !is_file_name(name) || name == METADATA_FILE {
            return Err(failed(folder, &format!("'{name}' is not the name of a package file")));
        }
        metadata.files.insert(name.clone(), sha256(bytes));
        write_synced(&folder.join(name), bytes)?;
    }
    let path = folder.join(METADATA_FILE);
    let mut text = serde_json::to_vec_pretty(&metadata).map_err(|error| failed(&path, &error))?;
    text.push(b'\n');
    write_synced(&path, &text)?;
    sync_folder(folder)
}

/// Whether a name stays within the folder it is joined to.
pub(super) fn is_file_name(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|file| file == name)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| failed(path, &error))
}

/// Renames a finished temporary folder to its final name.
fn install(temporary: TempDir, folder: &Path, existing: Existing) -> Result<(), Error> {
    match fs::rename(temporary.path(), folder) {
        Ok(()) => {
            // It no longer exists under its temporary name.
            let _ = temporary.keep();
            Ok(())
        }
        Err(error) if occupied(&error) => match existing {
            Existing::Refuse => Err(Error::Exists { path: folder.display().to_string() }),
            // Dropping the temporary folder afterwards deletes the package that was replaced.
            Existing::Replace if exchange(temporary.path(), folder) => Ok(()),
            Existing::Replace => replace_in_two_steps(temporary, folder),
        },
        Err(error) => Err(failed(folder, &error)),
    }
}

fn occupied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}

/// Exchanges two folders in one step; `false` where the system can't.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_one: &Path, _other: &Path) -> bool {
    false
}

fn replace_in_two_steps(temporary: TempDir, folder: &Path) -> Result<(), Error> {
    let aside = temporary_beside(folder, "replaced")?;
    let old = aside.path().join("package");
    fs::rename(folder, &old).map_err(|error| failed(folder, &error))?;
    if let Err(error) = fs::rename(temporary.path(), folder) {
        if fs::rename(&old, folder).is_err() {
            let kept = aside.keep();
            return Err(failed(folder, &format!("{error}; the old package is in {}", kept.display())));
        }
        return Err(failed(folder, &error));
    }
    let _ = temporary.keep();
    Ok(())
}

/// A new folder with the permissions of any new folder, on the file system of `folder`.
fn temporary_beside(folder: &Path, purpose: &str) -> Result<TempDir, Error> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.{purpose}-");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(parent_of(folder)).map_err(|error| failed(folder, &error))
}

fn parent_of(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| failed(folder, &error))
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), Error> {
    Ok(())
}

fn failed(path: &Path, reason: &impl ToString) -> Error {
    Error::Write { path: path.display().to_string(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(version: &str) -> PackageMetadata {
        serde_json::from_value(serde_json::json!({"version": version, "architecture": {"name": "UNet"}}))
            .unwrap()
    }

    fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([("model.safetensors".to_owned(), bytes.to_vec())])
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_existing_package_is_refused_or_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("deep/package");
        write(&folder, metadata("1"), &files(b"one"), Existing::Refuse).unwrap();
        let error = write(&folder, metadata("2"), &files(b"two"), Existing::Refuse).unwrap_err();
        assert!(matches!(&error, Error::Exists { path } if *path == folder.display().to_string()), "{error}");
        assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), b"one");
        fs::write(folder.join("surplus"), "x").unwrap();
        write(&folder, metadata("2"), &files(b"two"), Existing::Replace).unwrap();
        assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), b"two");
        assert_eq!(names(&folder), ["metadata.json", "model.safetensors"]);
        assert_eq!(names(&parent.path().join("deep")), ["package"], "temporary folders are left");
    }

    #[test]
    fn replacing_in_two_steps_leaves_only_the_new_package() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("package");
        write(&folder, metadata("1"), &files(b"one"), Existing::Refuse).unwrap();
        let temporary = temporary_beside(&folder, "new").unwrap();
        write_files(temporary.path(), metadata("2"), &files(b"two")).unwrap();
        replace_in_two_steps(temporary, &folder).unwrap();
        assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), b"two");
        assert_eq!(names(parent.path()), ["package"]);
    }

    #[test]
    fn only_packages_and_empty_folders_are_replaced() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.tex"), "years of work").unwrap();
        let error = write(parent.path(), metadata("1"), &files(b"one"), Existing::Replace).unwrap_err();
        assert!(error.to_string().contains("not a model package"), "{error}");
        assert_eq!(names(parent.path()), ["thesis.tex"]);
        let empty = parent.path().join("empty");
        fs::create_dir(&empty).unwrap();
        write(&empty, metadata("1"), &files(b"one"), Existing::Refuse).unwrap();
        let file = parent.path().join("thesis.tex");
        assert!(write(&file, metadata("1"), &files(b"one"), Existing::Replace).is_err());
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["../escaped", "/absolute", "a/b", "", "..", METADATA_FILE] {
            let files = BTreeMap::from([(name.to_owned(), b"x".to_vec())]);
            let error = write(&parent.path().join("p"), metadata("1"), &files, Existing::Refuse).unwrap_err();
            assert!(error.to_string().contains("not the name of a package file"), "{error}");
        }
        assert_eq!(names(parent.path()), [""; 0]);
    }

    #[test]
    fn concurrent_writers_leave_one_whole_package() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("package");
        std::thread::scope(|scope| {
            for writer in 0..8u8 {
                let folder = &folder;
                scope.spawn(move || {
                    let bytes = vec![writer; 10_000];
                    write(folder, metadata(&writer.to_string()), &files(&bytes), Existing::Replace).unwrap();
                });
            }
        });
        let text = fs::read(folder.join(METADATA_FILE)).unwrap();
        let metadata: PackageMetadata = serde_json::from_slice(&text).unwrap();
        let weights = fs::read(folder.join("model.safetensors")).unwrap();
        assert_eq!(metadata.files["model.safetensors"], sha256(&weights));
        assert_eq!(names(parent.path()), ["package"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_package_has_the_permissions_of_any_new_folder() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let plain = parent.path().join("plain");
        fs::create_dir(&plain).unwrap();
        let folder = parent.path().join("package");
        write(&folder, metadata("1"), &files(b"one"), Existing::Refuse).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&folder), mode(&plain));
    }
}
