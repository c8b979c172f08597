use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fs_err as fs;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::Config;
use crate::error::{Error, Result};

/// Folder of DVC in a repository.
const DVC: &str = ".dvc";

/// Extension of `.dvc` files.
const EXTENSION: &str = "dvc";

/// File with patterns of paths that DVC ignores, in the syntax of `.gitignore`.
const IGNORE_FILE: &str = ".dvcignore";

/// Folders that DVC always ignores.
const IGNORED: [&str; 3] = [".git", ".hg", DVC];

/// A DVC repository.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    config: Config,
    ignored: Gitignore,
}

impl Repository {
    /// Finds the repository that a file or folder, which need not exist, is in, and reads its configuration.
    ///
    /// # Errors
    /// [`Error::NoRepository`]; [`Error::Config`]; [`Error::Malformed`] for an invalid `.dvcignore`.
    pub fn discover(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path)?;
        let root = path.ancestors().find(|folder| folder.join(DVC).is_dir());
        let root = root.ok_or_else(|| Error::NoRepository(path.clone()))?.to_owned();
        let mut config = Config::default();
        for file in config_files(&root) {
            match fs::read_to_string(&file) {
                Ok(text) => {
                    let folder = file.parent().unwrap_or(&root);
                    let home = std::env::home_dir();
                    config.merge(&text, folder, home.as_deref(), &file.display().to_string())?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        let ignored = ignored(&root)?;
        Ok(Self { root, config, ignored })
    }

    /// Returns the absolute path of the root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the absolute path of the folder of DVC.
    pub(crate) fn dvc(&self) -> PathBuf {
        self.root.join(DVC)
    }

    /// Returns the paths of all `.dvc` files, relative to the root. Those of repositories within this one are not among them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dvc_files(&self) -> Result<Vec<PathBuf>> {
        let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.root.join(&folder))? {
                let entry = entry?;
                let (path, is_folder) = (folder.join(entry.file_name()), entry.file_type()?.is_dir());
                if self.is_ignored(&path, is_folder) {
                    continue;
                }
                if is_folder {
                    if !self.root.join(&path).join(DVC).is_dir() {
                        folders.push(path);
                    }
                } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// Returns the path of a `.dvc` file relative to the root. The file or folder that it tracks may be given in its place.
    ///
    /// # Errors
    /// [`Error::Target`] if there is none, or if it is not in this repository.
    pub fn dvc_file(&self, target: &Path) -> Result<PathBuf> {
        let refused = |reason: &str| Error::Target { path: target.to_owned(), reason: reason.to_owned() };
        // Without a slash at the end.
        let mut path: PathBuf = std::path::absolute(target)?.components().collect();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            path.as_mut_os_string().push(".dvc");
        }
        if !path.is_file() {
            return Err(refused("there is no such .dvc file"));
        }
        // Without this, a path with '..' would not start with the root.
        let path = fs::canonicalize(path)?;
        let relative = path.strip_prefix(fs::canonicalize(&self.root)?).map(Path::to_owned);
        relative.map_err(|_| refused(&format!("it is not in the repository {}", self.root.display())))
    }

    /// Whether DVC ignores a path, which is relative to the root.
    pub(crate) fn is_ignored(&self, path: &Path, is_folder: bool) -> bool {
        let name = path.file_name().unwrap_or_default();
        (is_folder && IGNORED.iter().any(|ignored| name == *ignored))
            || self.ignored.matched_path_or_any_parents(path, is_folder).is_ignore()
    }
}

/// Returns the configuration files, those with precedence last.
fn config_files(root: &Path) -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let global = variable("DVC_GLOBAL_CONFIG_DIR")
        .or_else(|| Some(variable("XDG_CONFIG_HOME")?.join("dvc")))
        .or_else(|| Some(std::env::home_dir()?.join(".config/dvc")));
    let system = variable("DVC_SYSTEM_CONFIG_DIR").unwrap_or_else(|| "/etc/xdg/dvc".into());
    let outside = [Some(system), global].into_iter().flatten().map(|folder| folder.join("config"));
    outside.chain(["config", "config.local"].map(|name| root.join(DVC).join(name))).collect()
}

fn ignored(root: &Path) -> Result<Gitignore> {
    let path = root.join(IGNORE_FILE);
    let malformed = |error: ignore::Error| Error::Malformed {
        origin: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new("");
    if path.exists() {
        for line in fs::read_to_string(&path)?.lines() {
            builder.add_line(None, line).map_err(malformed)?;
        }
    }
    builder.build().map_err(malformed)
}
