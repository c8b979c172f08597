//! Copies of the golden repositories.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bcs_dvc::{Observer, Options, Pulled, Repository, Result, Task, pull};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Layouts of DVC 2 and 3.
pub(crate) const LAYOUTS: [&str; 2] = ["dvc2", "dvc3"];

/// A copy of a golden repository, without data, and its remote.
pub(crate) struct Copy {
    folder: TempDir,
    layout: &'static str,
}

impl Copy {
    pub(crate) fn new(layout: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["repo", "remote"] {
            copy(&golden(layout).join(part), &folder.path().join(part));
        }
        Self { folder, layout }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    pub(crate) fn remote(&self) -> PathBuf {
        self.folder.path().join("remote")
    }

    /// Replaces the content of a file of the repository.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Pulls all `.dvc` files.
    pub(crate) fn pull(&self) -> Result<Pulled> {
        self.pull_with(&Options { jobs: 4, ..Options::default() })
    }

    pub(crate) fn pull_with(&self, options: &Options) -> Result<Pulled> {
        let repository = Repository::discover(&self.root())?;
        let runtime = Runtime::new().unwrap();
        let observer: Arc<dyn Observer> = Arc::new(Silent);
        pull(&runtime, &repository, &repository.dvc_files()?, options, &observer)
    }

    /// Asserts that the data is that of the real DVC.
    pub(crate) fn check_data(&self) {
        for part in ["data/train", "labels.csv", "tools/run.sh"] {
            let expected = tree(&golden(self.layout).join("expected").join(part));
            assert_eq!(tree(&self.root().join(part)), expected, "{part}");
        }
    }

    /// Asserts the same of links, which have the modes of objects.
    pub(crate) fn check_data_without_modes(&self) {
        for part in ["data/train", "labels.csv", "tools/run.sh"] {
            let expected = contents(tree(&golden(self.layout).join("expected").join(part)));
            assert_eq!(contents(tree(&self.root().join(part))), expected, "{part}");
        }
    }

    /// Number of bytes of all objects in the remote.
    pub(crate) fn sizes_of_the_remote(&self) -> u64 {
        tree(&self.remote()).values().map(|(_, content)| content.len() as u64).sum()
    }

    /// Asserts that the cache has the objects of the remote, and nothing else.
    pub(crate) fn check_cache(&self) {
        assert_eq!(contents(tree(&self.root().join(".dvc/cache"))), contents(tree(&self.remote())));
    }

    /// Path of the object of `data/train/a.png` in the remote.
    pub(crate) fn object_of_a(&self) -> (PathBuf, String) {
        let key = "e2/c865db4162bed963bfaa9ef6ac18f0";
        let key = if self.layout == "dvc3" { format!("files/md5/{key}") } else { key.to_owned() };
        (self.remote().join(&key), key)
    }
}

/// Files below a path, by their relative paths: whether they are executable, and their contents.
pub(crate) fn tree(path: &Path) -> BTreeMap<PathBuf, (bool, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut paths = vec![path.to_owned()];
    while let Some(found) = paths.pop() {
        if found.is_dir() {
            paths.extend(fs::read_dir(&found).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let is_executable = fs::metadata(&found).unwrap().permissions().mode() & 0o100 != 0;
            let name = found.strip_prefix(path).unwrap().to_owned();
            files.insert(name, (is_executable, fs::read(&found).unwrap()));
        }
    }
    files
}

fn contents(tree: BTreeMap<PathBuf, (bool, Vec<u8>)>) -> BTreeMap<PathBuf, Vec<u8>> {
    tree.into_iter().map(|(path, (_, content))| (path, content)).collect()
}

/// Watches nothing.
struct Silent;

impl Observer for Silent {
    fn begin(&self, _task: Task, _total: usize) {}
    fn bytes(&self, _bytes: u64) {}
    fn step(&self) {}
}

fn golden(layout: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(layout)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
