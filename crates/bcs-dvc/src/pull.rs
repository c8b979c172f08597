use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::{self as fs, File};
use tokio::runtime::Runtime;

use crate::cache::Cache;
use crate::dvc_file::{DvcFile, Out};
use crate::error::{Error, Result};
use crate::fetch::{Download, fetch};
use crate::listing;
use crate::object::{HashName, ObjectId};
use crate::observer::{Observer, Task};
use crate::plan::{Plan, Wanted, folders};
use crate::remote::{Remote, Source};
use crate::repository::Repository;
use crate::workspace::{apply, scan};

/// How data is pulled.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the remote in place of the default one.
    pub remote: Option<String>,
    /// Largest number of simultaneous downloads, at least 1.
    pub jobs: usize,
    /// Whether changes that are not in the cache are overwritten.
    pub force: bool,
}

/// What a pull has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Number of downloaded objects.
    pub fetched: usize,
    /// Number of downloaded bytes.
    pub bytes: u64,
    /// Number of files that were not there.
    pub added: usize,
    /// Number of files that were replaced.
    pub modified: usize,
    /// Number of files that were removed.
    pub deleted: usize,
    /// Number of files that were right already.
    pub unchanged: usize,
    /// Files and directories that have no hash yet, and were left alone.
    pub without_hash: Vec<PathBuf>,
}

/// Fetches the data of `.dvc` files, whose paths are relative to the root of the repository, and puts it into the workspace
/// as `dvc pull` does: downloads what the cache lacks, compares every MD5, then places, replaces and removes files. Nothing in
/// the workspace changes before all objects are there.
///
/// An interrupted pull goes on where it was. One pull at a time works on a repository; others wait.
///
/// # Errors
/// [`Error::Objects`] for objects that are missing or damaged; [`Error::Unsaved`] unless `options.force`;
/// [`Error::Malformed`]; [`Error::Config`]; [`Error::Storage`]; [`Error::Io`].
pub fn pull(
    runtime: &Runtime,
    repository: &Repository,
    files: &[PathBuf],
    options: &Options,
    observer: &Arc<dyn Observer>,
) -> Result<Pulled> {
    if let Some(name) = &options.remote {
        // Even if nothing has to be fetched.
        repository.config().remote(Some(name))?;
    }
    let _lock = lock(repository)?;
    let cache = repository.config().cache.clone().unwrap_or_else(|| repository.dvc().join("cache"));
    let mut pull = Pull {
        runtime,
        repository,
        options,
        observer,
        cache: Cache::new(cache),
        remotes: BTreeMap::new(),
        pulled: Pulled::default(),
    };
    let mut outs = Vec::new();
    for file in files {
        outs.extend(pull.read(file)?);
    }
    pull.outs(&outs)?;
    Ok(pull.pulled)
}

/// Waits until no other process pulls.
fn lock(repository: &Repository) -> Result<File> {
    let folder = repository.dvc().join("tmp");
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join("bcs-pull.lock"))?;
    match file.file().lock() {
        Err(error) if error.kind() != std::io::ErrorKind::Unsupported => Err(error.into()),
        _ => Ok(file),
    }
}

struct Pull<'a> {
    runtime: &'a Runtime,
    repository: &'a Repository,
    options: &'a Options,
    observer: &'a Arc<dyn Observer>,
    cache: Cache,
    /// Opened remotes by the names that outputs have for them.
    remotes: BTreeMap<Option<String>, Remote>,
    pulled: Pulled,
}

/// An output whose content is known, and where it came from.
struct Tracked {
    out: Out,
    imported_from: Option<String>,
}

/// A file of an output.
struct OutFile {
    path: PathBuf,
    wanted: Wanted,
    /// Its versions by the names of the remotes.
    versions: BTreeMap<String, String>,
}

impl Pull<'_> {
    /// Reads a `.dvc` file, and returns the outputs that are pulled.
    fn read(&mut self, file: &Path) -> Result<Vec<Tracked>> {
        let path = self.repository.root().join(file);
        let text = fs::read_to_string(&path)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let DvcFile { outs, imported_from } = DvcFile::parse(&text, folder, &file.display().to_string())?;
        let (with, without): (Vec<Out>, Vec<Out>) = outs
            .into_iter()
            .filter(|out| out.is_cached)
            .partition(|out| out.object.is_some() || out.files.is_some());
        self.pulled.without_hash.extend(without.into_iter().map(|out| out.path));
        Ok(with.into_iter().map(|out| Tracked { out, imported_from: imported_from.clone() }).collect())
    }

    fn outs(&mut self, outs: &[Tracked]) -> Result<()> {
        self.fetch_listings(outs)?;
        let (mut wanted, mut sources, mut roots) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for tracked in outs {
            for file in self.files(&tracked.out)? {
                sources.insert(file.path.clone(), (tracked, file.versions));
                wanted.insert(file.path, file.wanted);
            }
            if tracked.out.is_directory() {
                roots.insert(tracked.out.path.clone());
            }
        }
        let places: Vec<_> =
            outs.iter().map(|tracked| (tracked.out.path.clone(), tracked.out.hash())).collect();
        let found = scan(self.repository, &places, &**self.observer)?;
        let plan = Plan::new(&wanted, &found.files);
        self.keep_right_files(&plan)?;
        self.fetch_files(&plan, &sources)?;
        self.check_lost(&plan)?;
        let mut needed = BTreeSet::new();
        for root in &roots {
            let inside = wanted.keys().filter(|path| path.starts_with(root));
            needed.extend(folders(inside, root));
        }
        apply(self.repository, &self.cache, &plan, &found, &needed, &**self.observer)?;
        self.pulled.added = plan.place.len() - plan.replaced;
        self.pulled.modified = plan.replaced;
        self.pulled.deleted = plan.remove.len();
        self.pulled.unchanged = plan.right.len();
        Ok(())
    }

    /// Downloads the lists of the files of directories.
    fn fetch_listings(&mut self, outs: &[Tracked]) -> Result<()> {
        let mut downloads = BTreeMap::new();
        for tracked in outs {
            let out = &tracked.out;
            if let Some(object) = out.object.as_ref().filter(|object| object.is_directory)
                && !self.cache.has_valid(object)?
            {
                let source = self.source(tracked, object, &out.path, |_| None)?;
                let download = Download { object: object.clone(), source, path: out.path.clone() };
                downloads.insert(object.clone(), download);
            }
        }
        self.fetch(downloads.into_values().collect())
    }

    /// Returns the files of an output.
    fn files(&self, out: &Out) -> Result<Vec<OutFile>> {
        let file = |path, object: &ObjectId, is_executable, versions: &BTreeMap<String, String>| OutFile {
            path,
            wanted: Wanted { object: object.clone(), is_executable },
            versions: versions.clone(),
        };
        if let Some(files) = &out.files {
            let files = files.iter().map(|(path, tracked)| {
                file(out.path.join(path), &tracked.object, tracked.is_executable, &tracked.versions)
            });
            return Ok(files.collect());
        }
        let Some(object) = &out.object else { return Ok(Vec::new()) };
        if !object.is_directory {
            return Ok(vec![file(out.path.clone(), object, out.is_executable, &out.versions)]);
        }
        let origin = format!("the list of the files of {} (object {object})", out.path.display());
        let files = listing::parse(&fs::read(self.cache.path(object))?, object.hash, &origin)?;
        let none = BTreeMap::new();
        Ok(files.iter().map(|(path, object)| file(out.path.join(path), object, false, &none)).collect())
    }

    /// Adds files of the workspace that are right, but not in the cache, to it, as DVC would download them.
    fn keep_right_files(&self, plan: &Plan) -> Result<()> {
        for (path, object) in &plan.right {
            if !self.cache.has(object) {
                self.cache.add_copy(object, &self.repository.root().join(path))?;
            }
        }
        Ok(())
    }

    fn fetch_files(
        &mut self,
        plan: &Plan,
        sources: &BTreeMap<PathBuf, (&Tracked, BTreeMap<String, String>)>,
    ) -> Result<()> {
        let mut needed: BTreeMap<&ObjectId, &PathBuf> = BTreeMap::new();
        for (path, wanted) in &plan.place {
            needed.entry(&wanted.object).or_insert(path);
        }
        let mut downloads = Vec::new();
        for (object, path) in needed {
            if self.cache.has_valid(object)? {
                continue;
            }
            let (tracked, versions) = &sources[path];
            let source = self.source(tracked, object, path, |remote| versions.get(remote).cloned())?;
            downloads.push(Download { object: object.clone(), source, path: path.clone() });
        }
        self.fetch(downloads)
    }

    fn fetch(&mut self, downloads: Vec<Download>) -> Result<()> {
        if downloads.is_empty() {
            return Ok(());
        }
        let count = downloads.len();
        self.observer.begin(Task::Fetch, count);
        let jobs = self.options.jobs.max(1);
        self.pulled.bytes += fetch(self.runtime, &self.cache, downloads, jobs, self.observer)?;
        self.pulled.fetched += count;
        Ok(())
    }

    /// Returns where an object is, or why it is nowhere.
    fn source(
        &mut self,
        tracked: &Tracked,
        object: &ObjectId,
        path: &Path,
        version: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Result<Source, String>> {
        let (out, requested) = (&tracked.out, &self.options.remote);
        if let Some(url) = &tracked.imported_from {
            return Ok(Err(format!("it was imported from {url}, which only dvc pull reads")));
        }
        if !out.is_pushed {
            return Ok(Err("it is not in the cache, and its .dvc file has push: false".to_owned()));
        }
        if let (Some(own), Some(requested)) = (&out.remote, requested)
            && own != requested
        {
            return Ok(Err(format!("its .dvc file has the remote '{own}'; pull it without --remote")));
        }
        let name = out.remote.clone().or_else(|| requested.clone());
        if !self.remotes.contains_key(&name) {
            let remote = Remote::open(self.runtime, self.repository.config(), name.as_deref())?;
            self.remotes.insert(name.clone(), remote);
        }
        Ok(self.remotes[&name].source(object, path, version))
    }

    /// Checks that all contents that are replaced or removed are in the cache.
    fn check_lost(&self, plan: &Plan) -> Result<()> {
        let unsaved = plan.lost.iter().filter(|(_, object)| !self.cache.has(object));
        let unsaved: Vec<PathBuf> = unsaved.map(|(path, _)| path.clone()).collect();
        if unsaved.is_empty() || self.options.force { Ok(()) } else { Err(Error::Unsaved(unsaved)) }
    }
}

impl Out {
    fn is_directory(&self) -> bool {
        self.files.is_some() || self.object.as_ref().is_some_and(|object| object.is_directory)
    }

    /// How the files of the workspace are hashed to be compared.
    fn hash(&self) -> HashName {
        let file = self.files.as_ref().and_then(|files| files.values().next().map(|file| &file.object));
        self.object.as_ref().or(file).map_or(HashName::Md5, |object| object.hash)
    }
}
