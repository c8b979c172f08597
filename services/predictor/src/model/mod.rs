//! Where the model is: a path on this machine, or a bucket.
//!
//! # Layout
//! - `cache`: folder of downloaded models
//! - `listing`: the objects of a model in a bucket
//! - `remote`: a model in a bucket

mod cache;
mod listing;
mod remote;

use std::path::PathBuf;

use bcs_inference::scheduler::{ModelFile, ModelSource};
use bcs_inference::{Error, Model, Options};
use bcs_service::Failure;
use bcs_service::settings::is_remote;

use cache::Cache;
use remote::RemoteModel;

/// Where the model is.
pub enum Source {
    /// On this machine.
    File(ModelFile),
    /// In a bucket.
    Remote(Box<RemoteModel>),
}

impl Source {
    /// Returns the source of the model at a path or `gs://` URI. `cache` is the folder in which models from a bucket are
    /// kept; without it, the newest one is in a temporary folder.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a malformed URI; [`Failure::Failed`] if no thread can be started.
    pub fn new(path: PathBuf, options: Options, cache: Option<PathBuf>) -> Result<Self, Failure> {
        if !is_remote(&path) {
            return Ok(Self::File(ModelFile { path, options }));
        }
        RemoteModel::new(&path.to_string_lossy(), options, Cache::new(cache)).map(Box::new).map(Self::Remote)
    }
}

impl ModelSource for Source {
    fn fingerprint(&self) -> String {
        match self {
            Self::File(file) => file.fingerprint(),
            Self::Remote(remote) => remote.fingerprint(),
        }
    }

    fn open(&self) -> Result<Model, Error> {
        match self {
            Self::File(file) => file.open(),
            Self::Remote(remote) => remote.open(),
        }
    }
}
