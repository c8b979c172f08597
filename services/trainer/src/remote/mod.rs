//! Data and models that are not on this machine.
//!
//! - [`bucket`]: folders of a bucket, transferred whole
//! - [`dvc`]: data tracked by DVC
//! - [`events`]: event files of TensorBoard
//! - [`shards`]: shards of tiles, which stream
//! - [`tiles`]: tiles of a bucket
//! - [`vertex`]: places that Vertex AI names

pub(crate) mod bucket;
pub(crate) mod dvc;
pub(crate) mod events;
pub(crate) mod shards;
pub(crate) mod tiles;
pub(crate) mod vertex;

use std::path::{Path, PathBuf};

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// Number of threads that transfer objects.
const THREADS: usize = 4;

/// Folder of this program in the folder of caches.
const CACHE: &str = "bcs";

/// Beginning of paths in buckets that Vertex AI mounts. They are mounted without atomic renames of folders.
const MOUNT: &str = "/gcs/";

/// Starts the async runtime that transfers need.
///
/// # Errors
/// [`Error::Io`] if the system refuses.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(THREADS).thread_name("transfer").enable_all().build()?)
}

/// Whether a location is a `gs://` URI.
pub(crate) fn is_uri(location: &Path) -> bool {
    location.to_str().is_some_and(bcs_storage::uri::is_uri)
}

/// Whether a location is in a bucket: a `gs://` URI, or a path in a mounted bucket.
pub(crate) fn is_bucket(location: &Path) -> bool {
    is_uri(location) || location.starts_with(MOUNT)
}

/// Returns the folder for what is fetched: `$XDG_CACHE_HOME/bcs`, else `~/.cache/bcs`.
///
/// # Errors
/// [`Error::Usage`] if there is neither.
pub(crate) fn cache() -> Result<PathBuf> {
    let folder = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".cache")));
    let folder =
        folder.ok_or_else(|| Error::Usage("there is no folder for caches; set XDG_CACHE_HOME".into()))?;
    Ok(folder.join(CACHE))
}
