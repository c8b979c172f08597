//! Configuration of DVC: remotes and the local cache.

mod ini;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// Beginning of the names of the sections of remotes.
const REMOTE: &str = "remote ";

/// How files in the workspace refer to objects in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// A copy, which shares its blocks with the object where the file system can do that.
    Copy,
    /// A hard link.
    Hardlink,
    /// A symbolic link.
    Symlink,
}

/// A storage with pushed objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteConfig {
    /// URL, or the absolute path of a folder.
    pub url: String,
    /// Whether files are stored under their own names in versions of the bucket.
    pub version_aware: bool,
    /// URL of the server in place of Google's.
    pub endpoint: Option<String>,
    /// File with credentials in place of the application-default ones.
    pub credentials: Option<PathBuf>,
}

/// Configuration of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Remotes by name.
    pub remotes: BTreeMap<String, RemoteConfig>,
    /// Name of the remote that is used by default.
    pub default_remote: Option<String>,
    /// Absolute path of the cache; `None` for `.dvc/cache`.
    pub cache: Option<PathBuf>,
    /// Kinds of links, the preferred one first; empty for the default, copies.
    pub links: Vec<Link>,
}

impl Config {
    /// Adds the values of a configuration file in place of those before. Relative paths in it are relative to `folder`, which
    /// it is in; `~` is the folder `home`. `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Config`]. Sections and keys that a pull does not need are not checked.
    pub fn merge(&mut self, text: &str, folder: &Path, home: Option<&Path>, origin: &str) -> Result<()> {
        let sections = ini::parse(text)
            .map_err(|(line, reason)| Error::Config { origin: format!("{origin}:{line}"), reason })?;
        for (section, keys) in sections {
            for (key, value) in keys {
                let refused = |reason: String| Error::Config {
                    origin: origin.to_owned(),
                    reason: format!("{key} in [{section}]: {reason}"),
                };
                match (remote_name(&section), section.as_str(), key.as_str()) {
                    (Some(name), _, _) => {
                        let remote = self.remotes.entry(name.to_owned()).or_default();
                        remote.set(&key, &value, folder, home).map_err(refused)?;
                    }
                    (None, "core", "remote") => {
                        self.default_remote = Some(value).filter(|name| !name.is_empty());
                    }
                    (None, "cache", "dir") => self.cache = Some(resolve(&value, folder, home)),
                    (None, "cache", "type") => self.links = links(&value).map_err(refused)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Returns the name of the remote to use and its configuration: `name`, else the default one.
    ///
    /// # Errors
    /// [`Error::Config`] if there is none of this name, or no default.
    pub fn remote(&self, name: Option<&str>) -> Result<(&str, &RemoteConfig)> {
        let refused = |reason: String| Error::Config { origin: ".dvc/config".to_owned(), reason };
        let known = || match self.remotes.is_empty() {
            true => "there are no remotes".to_owned(),
            false => {
                format!("known: {}", self.remotes.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        };
        let name = name.or(self.default_remote.as_deref()).ok_or_else(|| {
            refused(format!(
                "there is no default remote ({}); choose one with --remote NAME or dvc remote default NAME",
                known()
            ))
        })?;
        let (name, remote) = self
            .remotes
            .get_key_value(name)
            .ok_or_else(|| refused(format!("there is no remote '{name}' ({})", known())))?;
        if remote.url.is_empty() {
            return Err(refused(format!("the remote '{name}' has no url")));
        }
        Ok((name.as_str(), remote))
    }
}

impl RemoteConfig {
    fn set(&mut self, key: &str, value: &str, folder: &Path, home: Option<&Path>) -> Result<(), String> {
        match key {
            "url" if value.contains("://") => self.url = value.to_owned(),
            "url" => self.url = resolve(value, folder, home).to_string_lossy().into_owned(),
            "version_aware" | "worktree" => self.version_aware |= flag(value)?,
            "endpointurl" => self.endpoint = Some(value.to_owned()),
            "credentialpath" => self.credentials = Some(resolve(value, folder, home)),
            _ => {}
        }
        Ok(())
    }
}

/// Returns the name of the remote that a section is about.
fn remote_name(section: &str) -> Option<&str> {
    section.strip_prefix(REMOTE)?.trim().strip_prefix('"')?.strip_suffix('"')
}

fn flag(value: &str) -> Result<bool, String> {
    match value.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("'{value}' is neither true nor false")),
    }
}

fn links(value: &str) -> Result<Vec<Link>, String> {
    let link = |name: &str| match name {
        "reflink" | "copy" => Ok(Link::Copy),
        "hardlink" => Ok(Link::Hardlink),
        "symlink" => Ok(Link::Symlink),
        _ => Err(format!("'{name}' is not one of reflink, copy, hardlink, symlink")),
    };
    value
        .split(',')
        .map(|name| name.trim().trim_matches(['"', '\'']))
        .filter(|name| !name.is_empty())
        .map(link)
        .collect()
}

/// Returns the absolute path, without `..`.
fn resolve(path: &str, folder: &Path, home: Option<&Path>) -> PathBuf {
    let path = match (path.strip_prefix('~').map(|rest| rest.strip_prefix('/').unwrap_or(rest)), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    };
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                // The folder above the root is the root.
                resolved.pop();
            }
            component => resolved.push(component),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Result<Config> {
        let mut config = Config::default();
        for text in texts {
            config.merge(text, Path::new("/repo/.dvc"), Some(Path::new("/home/u")), ".dvc/config")?;
        }
        Ok(config)
    }

    #[test]
    fn later_files_replace_values_of_earlier_ones() {
        let config = merged(&[
            "[core]\nremote = a\n['remote \"a\"']\nurl = ../../a\n[cache]\ntype = hardlink, copy\n",
            "['remote \"a\"']\ncredentialpath = ~/key.json\n['remote \"b\"']\nurl = gs://bucket/dvc\nversion_aware = True\n",
            "[core]\nremote = b\n[cache]\ndir = /cache\n",
        ])
        .unwrap();
        assert_eq!(config.remotes["a"].url, "/a");
        assert_eq!(config.remotes["a"].credentials, Some("/home/u/key.json".into()));
        let (name, remote) = config.remote(None).unwrap();
        assert_eq!((name, remote.url.as_str(), remote.version_aware), ("b", "gs://bucket/dvc", true));
        assert_eq!(config.remote(Some("a")).unwrap().0, "a");
        assert_eq!((config.cache, config.links), (Some("/cache".into()), vec![Link::Hardlink, Link::Copy]));
    }

    #[test]
    fn errors_name_file_and_key() {
        for (text, reason) in [
            ("[core", ".dvc/config:1: "),
            ("[cache]\ntype = magic\n", ".dvc/config: type in [cache]: 'magic' is not one of"),
            ("['remote \"a\"']\nversion_aware = 3\n", "version_aware in [remote \"a\"]: '3' is neither"),
        ] {
            let error = merged(&[text]).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let none = merged(&[]).unwrap().remote(None).unwrap_err().to_string();
        assert!(none.contains("no default remote (there are no remotes)"), "{none}");
        let config = merged(&["['remote \"a\"']\nx = y\n"]).unwrap();
        assert!(config.remote(Some("b")).unwrap_err().to_string().contains("no remote 'b' (known: a)"));
        assert!(config.remote(Some("a")).unwrap_err().to_string().contains("has no url"));
    }
}
