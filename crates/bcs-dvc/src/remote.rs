use std::path::{Path, PathBuf};
use std::sync::Arc;

use bcs_storage::gcs::Endpoint;
use bcs_storage::{GcsStore, Generation, Store, Uri, uri};
use tokio::runtime::Runtime;

use crate::config::{Config, RemoteConfig};
use crate::error::{Error, Result};
use crate::object::ObjectId;

/// A storage with pushed objects.
pub(crate) struct Remote {
    name: String,
    store: Arc<dyn Store>,
    is_version_aware: bool,
}

/// Where an object can be read.
#[derive(Clone)]
pub(crate) struct Source {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// Key in the store.
    pub(crate) key: String,
    /// Version of the object; `None` for the newest.
    pub(crate) generation: Option<Generation>,
}

impl Remote {
    /// Opens the remote of this name, else the default one.
    pub(crate) fn open(runtime: &Runtime, config: &Config, name: Option<&str>) -> Result<Self> {
        let (name, remote) = config.remote(name)?;
        let store = runtime.block_on(open_store(name, remote))?;
        Ok(Self { name: name.to_owned(), store, is_version_aware: remote.version_aware })
    }

    /// Returns where the object of a file is; `path` is that of the file, relative to the root of the repository. An error is
    /// the reason why it is nowhere.
    pub(crate) fn source(
        &self,
        object: &ObjectId,
        path: &Path,
        version: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Source, String> {
        let store = Arc::clone(&self.store);
        if !self.is_version_aware {
            return Ok(Source { store, key: object.key(), generation: None });
        }
        if object.is_directory {
            return Err("its .dvc file does not list the files of the directory, as those of remotes with versions do".into());
        }
        let version = version(&self.name).ok_or_else(|| {
            format!("its .dvc file has no version of it in the remote '{}'; run dvc push", self.name)
        })?;
        let generation = version.parse().map(Generation);
        let generation =
            generation.map_err(|_| format!("its version '{version}' is no generation of Cloud Storage"))?;
        let key = path.to_string_lossy().into_owned();
        Ok(Source { store, key, generation: Some(generation) })
    }
}

async fn open_store(name: &str, remote: &RemoteConfig) -> Result<Arc<dyn Store>> {
    let refused = |reason: String| Error::Config { origin: format!("the remote '{name}'"), reason };
    let url = &remote.url;
    if uri::is_uri(url) {
        let endpoint = match (&remote.endpoint, Endpoint::from_environment(), &remote.credentials) {
            (Some(address), _, _) => Endpoint::named(address),
            (None, Endpoint::Google, Some(file)) => Endpoint::KeyFile(file.clone()),
            (None, environment, _) => environment,
        };
        return Ok(Arc::new(GcsStore::connect(&Uri::parse(url)?, &endpoint).await?));
    }
    if let Some((scheme, _)) = url.split_once("://") {
        return Err(refused(format!(
            "{scheme}:// is not supported; choose one in a folder or in gs:// with --remote NAME, or use dvc pull"
        )));
    }
    if !PathBuf::from(url).is_dir() {
        return Err(refused(format!("there is no folder {url}")));
    }
    Ok(bcs_storage::open_as_it_is(url).await?)
}
