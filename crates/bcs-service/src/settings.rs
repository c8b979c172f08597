//! Settings of a server: built-in defaults, overridden by a file, overridden by environment variables.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use bcs_config::yaml;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::environment::{Environment, InvalidVariable};
use crate::failure::Failure;

/// Settings of a server.
pub trait ServerSettings: DeserializeOwned {
    /// YAML document with the default of every setting.
    const DEFAULTS: &'static str;

    /// Settings file that is read if none is named and it exists.
    const DEFAULT_FILE: &'static str;

    /// Applies the environment variables.
    ///
    /// # Errors
    /// [`InvalidVariable`] names the variable and its valid values.
    fn apply(&mut self, environment: &Environment<'_>) -> Result<(), InvalidVariable>;

    /// Checks the values of the settings.
    ///
    /// # Errors
    /// [`Failure::Usage`] names the invalid setting and its valid values.
    fn check(&self) -> Result<(), Failure>;

    /// Reads the settings from the file `named`, or else the default file if it exists, and the process environment.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a file that cannot be read, or an invalid setting or variable.
    fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let default = || Some(Path::new(Self::DEFAULT_FILE)).filter(|path| path.is_file());
        Self::read(named.or_else(default), &|name| std::env::var(name).ok())
    }

    /// Reads the settings from a file and the variables that `lookup` returns.
    ///
    /// # Errors
    /// As [`ServerSettings::load`].
    fn read(file: Option<&Path>, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut settings: Self = layer(Self::DEFAULTS, file).map_err(Failure::usage)?;
        settings.apply(&Environment::new(lookup)).map_err(Failure::usage)?;
        settings.check()?;
        Ok(settings)
    }
}

/// Settings that cannot be read or are invalid.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or is not YAML; the message names it.
    #[error(transparent)]
    Yaml(Box<bcs_config::Error>),
    /// A setting is unknown or has a value of the wrong type.
    #[error("{}: {source}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting, and what is wrong with it.
        source: Box<bcs_config::Error>,
    },
}

/// Reads settings from `defaults`, a YAML document with every setting, and an optional file that overrides some.
///
/// ```
/// use bcs_service::settings::layer;
///
/// #[derive(serde::Deserialize)]
/// struct Server {
///     host: String,
///     port: u16,
/// }
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("server.yaml");
/// std::fs::write(&file, "port: 9000")?;
///
/// let server: Server = layer("host: localhost\nport: 8080", Some(&file))?;
/// assert_eq!((server.host.as_str(), server.port), ("localhost", 9000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Yaml`] for a file that cannot be read or is not YAML; [`Error::Setting`] for an unknown setting or a value
/// of the wrong type.
pub fn layer<T: DeserializeOwned>(defaults: &str, file: Option<&Path>) -> Result<T, Error> {
    let mut value = yaml::parse(defaults, "the built-in settings").map_err(yaml_error)?;
    let Some(path) = file else { return value.decode().map_err(yaml_error) };
    let overrides = yaml::read(path).map_err(yaml_error)?;
    // An empty file overrides nothing.
    if !overrides.is_null() {
        value.merge(overrides);
    }
    value.decode().map_err(|source| Error::Setting { path: path.to_owned(), source: Box::new(source) })
}

fn yaml_error(error: bcs_config::Error) -> Error {
    Error::Yaml(Box::new(error))
}

/// Kind of store that buckets are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageMode {
    /// Local folders.
    Local,
    /// Google Cloud Storage.
    Gcp,
}

/// An unknown storage mode.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownStorageMode;

impl FromStr for StorageMode {
    type Err = UnknownStorageMode;

    fn from_str(text: &str) -> Result<Self, UnknownStorageMode> {
        match text {
            "local" => Ok(Self::Local),
            "gcp" => Ok(Self::Gcp),
            _ => Err(UnknownStorageMode),
        }
    }
}

/// Beginning of URIs of Google Cloud Storage.
const GCS: &str = "gs://";

impl StorageMode {
    /// Returns the `gs://` URI or folder that the name of a bucket stands for. A URI stands for itself in every mode.
    pub fn bucket(self, name: &str) -> String {
        match self {
            Self::Gcp if !name.starts_with(GCS) => format!("{GCS}{name}"),
            _ => name.to_owned(),
        }
    }

    /// Returns the `gs://` URI or path of a model: with [`StorageMode::Gcp`], `path` is a key in the bucket `repository`
    /// if there is one. A URI stands for itself.
    pub fn model(self, repository: Option<&str>, path: &Path) -> PathBuf {
        match (self, repository) {
            (Self::Gcp, Some(repository)) if !is_remote(path) => {
                let (bucket, key) = (self.bucket(repository), path.to_string_lossy());
                format!("{}/{}", bucket.trim_end_matches('/'), key.trim_start_matches('/')).into()
            }
            _ => path.to_owned(),
        }
    }
}

/// Whether a path is a URI of Google Cloud Storage.
pub fn is_remote(path: &Path) -> bool {
    path.to_string_lossy().starts_with(GCS)
}

/// Checks that a path is on this machine. `name` is the argument or variable that holds it.
///
/// # Errors
/// [`Failure::Usage`] for a `gs://` URI.
pub fn require_local(path: &Path, name: &str) -> Result<(), Failure> {
    if is_remote(path) {
        return Err(Failure::usage(format!(
            "{name} is {}, but this version supports local files only; copy it here first (gcloud storage cp -r) or \
             choose a local path",
            path.display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Server {
        host: String,
        port: u16,
    }

    fn read(text: &str) -> Result<Server, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.yaml");
        std::fs::write(&file, text).unwrap();
        layer("host: localhost\nport: 8080", Some(&file))
    }

    #[test]
    fn a_file_overrides_defaults_and_an_empty_file_nothing() {
        let server = |port| Server { host: "localhost".to_owned(), port };
        assert_eq!(read("port: 1").unwrap(), server(1));
        assert_eq!(read("").unwrap(), server(8080));
        assert_eq!(read("# nothing\n").unwrap(), server(8080));
    }

    #[test]
    fn errors_name_file_and_setting() {
        for (text, expected) in [("prot: 1", "prot"), ("port: many", "port"), ("port: [", "server.yaml")] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("server.yaml") && error.contains(expected), "{error}");
        }
        let error = layer::<Server>("", Some(Path::new("/no/such.yaml"))).unwrap_err().to_string();
        assert!(error.contains("/no/such.yaml"), "{error}");
    }

    #[test]
    fn names_of_buckets_depend_on_the_mode() {
        let buckets = |name: &str| [StorageMode::Local, StorageMode::Gcp].map(|mode| mode.bucket(name));
        assert_eq!(buckets("bucket"), ["bucket", "gs://bucket"]);
        assert_eq!(buckets("gs://bucket/prefix"), ["gs://bucket/prefix"; 2]);
        let model = |mode: StorageMode, repository, path: &str| mode.model(repository, Path::new(path));
        let uri = Path::new("gs://models/run/best");
        assert_eq!(model(StorageMode::Gcp, Some("models"), "run/best"), uri);
        assert_eq!(model(StorageMode::Gcp, Some("gs://models/"), "/run/best"), uri);
        assert_eq!(model(StorageMode::Gcp, Some("other"), "gs://models/run/best"), uri);
        assert_eq!(model(StorageMode::Local, Some("models"), "run/best"), Path::new("run/best"));
        assert_eq!(model(StorageMode::Gcp, None, "/opt/model"), Path::new("/opt/model"));
    }

    #[test]
    fn uris_are_not_local() {
        assert!(require_local(Path::new("data/model"), "MODEL_PATH").is_ok());
        let error = require_local(Path::new("gs://models/best"), "MODEL_PATH").unwrap_err().to_string();
        assert!(error.starts_with("MODEL_PATH is gs://models/best"), "{error}");
    }
}
