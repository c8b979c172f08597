use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;

use crate::cache::Cache;
use crate::config::Link;
use crate::error::Result;
use crate::md5;
use crate::object::{HashName, ObjectId};
use crate::observer::{Observer, Task};
use crate::plan::{Plan, Present, Wanted};
use crate::repository::Repository;

/// Beginning of the names of files that are not complete yet.
const UNFINISHED: &str = ".bcs-pull-";

/// Kinds of links, unless others are configured.
const DEFAULT_LINKS: &[Link] = &[Link::Copy];

/// Permission of the owner to execute a file, which DVC restores.
const EXECUTABLE: u32 = 0o100;

/// What is at a path of the workspace, relative to the root.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files.
    pub(crate) files: BTreeMap<PathBuf, Present>,
    /// Folders.
    pub(crate) folders: BTreeSet<PathBuf>,
}

/// Hashes the files at these paths, and in the folders there, leaving out what DVC ignores. Removes the unfinished files of
/// an interrupted pull, of which there is one at a time.
pub(crate) fn scan(
    repository: &Repository,
    outs: &[(PathBuf, HashName)],
    observer: &dyn Observer,
) -> Result<Found> {
    let (mut found, mut files) = (Found::default(), Vec::new());
    for (path, hash) in outs {
        match fs::metadata(repository.root().join(path)) {
            Ok(metadata) if metadata.is_dir() => walk(repository, path, *hash, &mut found, &mut files)?,
            Ok(metadata) => files.push((path.clone(), *hash, metadata)),
            // A file on the way is none of this repository's outputs.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error.into()),
        }
    }
    observer.begin(Task::Check, files.len());
    let hashed = files.into_par_iter().map(|(path, hash, metadata)| {
        let md5 = md5::of_file(&repository.root().join(&path), hash)?;
        observer.bytes(metadata.len());
        observer.step();
        let object = ObjectId::parse(&md5, hash).ok_or_else(|| std::io::Error::other("MD5 has 32 digits"))?;
        let is_executable = metadata.permissions().mode() & EXECUTABLE != 0;
        Ok((path, Present { object, is_executable }))
    });
    found.files = hashed.collect::<Result<_>>()?;
    Ok(found)
}

fn walk(
    repository: &Repository,
    folder: &Path,
    hash: HashName,
    found: &mut Found,
    files: &mut Vec<(PathBuf, HashName, Metadata)>,
) -> Result<()> {
    found.folders.insert(folder.to_owned());
    for entry in fs::read_dir(repository.root().join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if is_unfinished(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        } else if entry.file_type()?.is_dir() {
            if !repository.is_ignored(&path, true) {
                walk(repository, &path, hash, found, files)?;
            }
        } else if !repository.is_ignored(&path, false) {
            // A link to a file is that file; one to a folder, or to nowhere, is left alone.
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => files.push((path, hash, metadata)),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

fn is_unfinished(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

/// Makes the changes of a plan. `folders` are those that must be there; others among those that were found are removed if
/// they are empty.
pub(crate) fn apply(
    repository: &Repository,
    cache: &Cache,
    plan: &Plan,
    found: &Found,
    folders: &BTreeSet<PathBuf>,
    observer: &dyn Observer,
) -> Result<()> {
    let root = repository.root();
    observer.begin(Task::Place, plan.place.len());
    for path in &plan.remove {
        fs::remove_file(root.join(path))?;
    }
    // Those within others first.
    for folder in found.folders.iter().rev().filter(|folder| !folders.contains(*folder)) {
        // It stays if it has files that DVC ignores.
        let _ = fs::remove_dir(root.join(folder));
    }
    for folder in folders {
        fs::create_dir_all(root.join(folder))?;
    }
    let configured = &repository.config().links[..];
    let links = if configured.is_empty() { DEFAULT_LINKS } else { configured };
    plan.place.par_iter().try_for_each(|(path, wanted)| {
        place(&cache.path(&wanted.object), &root.join(path), wanted, links)?;
        observer.step();
        Ok::<_, crate::error::Error>(())
    })?;
    for path in &plan.make_executable {
        make_executable(&root.join(path))?;
    }
    Ok(())
}

/// Puts an object into its place, complete or not at all.
fn place(object: &Path, target: &Path, wanted: &Wanted, links: &[Link]) -> Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut failure = None;
    for link in links {
        match place_as(*link, object, target, wanted.is_executable) {
            Ok(()) => return Ok(()),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn place_as(link: Link, object: &Path, target: &Path, is_executable: bool) -> std::io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    let unfinished = match link {
        Link::Hardlink => builder.make_in(folder, |path| fs::hard_link(object, path))?.into_temp_path(),
        Link::Symlink => builder.make_in(folder, |path| symlink(object, path))?.into_temp_path(),
        Link::Copy => {
            // The umask applies to this mode as it does to that of any new file.
            let mut copy = builder.permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
            std::io::copy(&mut fs::File::open(object)?.file(), copy.as_file_mut())?;
            copy.into_temp_path()
        }
    };
    if is_executable {
        make_executable(&unfinished)?;
    }
    unfinished.persist(target).map_err(|error| {
        std::io::Error::new(error.error.kind(), format!("cannot write {}: {}", target.display(), error.error))
    })
}

fn make_executable(path: &Path) -> std::io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode | EXECUTABLE))
}
