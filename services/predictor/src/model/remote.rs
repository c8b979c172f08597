use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bcs_inference::scheduler::{ModelFile, ModelSource};
use bcs_inference::{Error, Model, Options};
use bcs_service::Failure;
use bcs_storage::{Store, Uri, uri};
use tokio::runtime::Runtime;

use super::cache::Cache;
use super::listing::Listing;

/// Time in which the objects of a model must be listed.
const LIST_TIME: Duration = Duration::from_secs(20);
/// Time in which each of them must be read.
const READ_TIME: Duration = Duration::from_secs(600);

/// A model in a bucket: a package, a file, or a pointer to one of these, which is a `.txt` object with the key of the
/// model, relative to its own folder, or its `gs://` URI. It is downloaded before it is opened.
///
/// The checksums of the transfer are compared, and those of a package when it is opened.
pub struct RemoteModel {
    uri: Uri,
    options: Options,
    cache: Cache,
    /// Of its own: the thread that opens models is none of an async runtime.
    runtime: Runtime,
    /// Stores of whole buckets by their names.
    buckets: Mutex<BTreeMap<String, Arc<dyn Store>>>,
    /// The newest fingerprint.
    known: Mutex<String>,
}

impl RemoteModel {
    pub(super) fn new(uri: &str, options: Options, cache: Cache) -> Result<Self, Failure> {
        let uri = Uri::parse(uri).map_err(|error| Failure::usage(format!("the model: {error}")))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("model-download")
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))?;
        Ok(Self { uri, options, cache, runtime, buckets: Mutex::default(), known: Mutex::default() })
    }

    /// Returns the store of a whole bucket.
    async fn bucket(&self, name: &str) -> Result<Arc<dyn Store>, bcs_storage::Error> {
        let known = self.buckets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(store) = known {
            return Ok(store);
        }
        let store = bcs_storage::open(&format!("{}{name}", uri::SCHEME)).await?;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(buckets.entry(name.to_owned()).or_insert(store)))
    }

    /// Lists the objects of the model, which a pointer may name.
    async fn list(&self) -> Result<Listing, Error> {
        let until = Instant::now() + LIST_TIME;
        let mut uri = self.uri.clone();
        if uri.prefix.ends_with(".txt") {
            let bucket = self.bucket(&uri.bucket).await.map_err(|error| failed(&error))?;
            let text = bucket.until(until).get(&uri.prefix).await.map_err(|error| failed(&error))?;
            uri = target(&uri, &String::from_utf8_lossy(&text))?;
        }
        let bucket = self.bucket(&uri.bucket).await.map_err(|error| failed(&error))?.until(until);
        Listing::of(uri, &bucket).await.map_err(|error| failed(&error))
    }

    /// Downloads the model and returns its path in a folder of the cache.
    fn download(&self, listing: &Listing) -> Result<PathBuf, Error> {
        let unwritable =
            |error: std::io::Error| Error::Model(format!("cannot keep the model {}: {error}", listing.uri));
        let (start, fingerprint) = (Instant::now(), listing.fingerprint());
        let folder = self.cache.begin().map_err(unwritable)?;
        let files = if listing.is_file { folder.path().to_owned() } else { path(folder.path(), listing) };
        fs::create_dir_all(&files).map_err(unwritable)?;
        let bucket =
            self.runtime.block_on(self.bucket(&listing.uri.bucket)).map_err(|error| failed(&error))?;
        let mut bytes = 0;
        for entry in &listing.entries {
            let store = bucket.until(Instant::now() + READ_TIME);
            let object = self.runtime.block_on(store.read(&entry.key)).map_err(|error| failed(&error))?;
            if object.generation != entry.generation {
                let reason = "has changed while the model was downloaded; it will be read again";
                return Err(Error::Model(format!("'{}' in {} {reason}", entry.key, bucket.name())));
            }
            let name = entry.key.rsplit('/').next().unwrap_or(&entry.key);
            fs::write(files.join(name), &object.bytes).map_err(unwritable)?;
            bytes += object.bytes.len();
        }
        let kept = self.cache.keep(&fingerprint, folder).map_err(unwritable)?;
        let (seconds, model) = (start.elapsed().as_secs_f64(), listing.uri.to_string());
        tracing::info!(model, bytes, seconds, "The model is downloaded.");
        Ok(path(&kept, listing))
    }

    fn open_file(&self, path: PathBuf) -> Result<Model, Error> {
        ModelFile { path, options: self.options.clone() }.open()
    }
}

impl ModelSource for RemoteModel {
    /// The location, and key, size and generation of each object. While the bucket can't be read, the model counts as
    /// unchanged.
    fn fingerprint(&self) -> String {
        let listed = self.runtime.block_on(self.list());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match listed {
            Ok(listing) => *known = listing.fingerprint(),
            Err(error) => tracing::warn!(error = error.to_string(), "The model can't be looked for."),
        }
        known.clone()
    }

    fn open(&self) -> Result<Model, Error> {
        let listing = self.runtime.block_on(self.list())?;
        if listing.entries.is_empty() {
            return Err(Error::Model(format!("there is no model at {}; correct MODEL_PATH", listing.uri)));
        }
        let fingerprint = listing.fingerprint();
        if let Some(folder) = self.cache.get(&fingerprint) {
            match self.open_file(path(&folder, &listing)) {
                Ok(model) => return Ok(model),
                Err(error) => {
                    tracing::warn!(error = error.to_string(), "A kept model can't be used; downloading it.");
                }
            }
            self.cache.remove(&fingerprint).map_err(|error| Error::Model(error.to_string()))?;
        }
        self.open_file(self.download(&listing)?)
    }
}

/// Returns the path of a model in a folder.
fn path(folder: &Path, listing: &Listing) -> PathBuf {
    folder.join(listing.name())
}

/// Returns the model that a pointer names.
fn target(pointer: &Uri, text: &str) -> Result<Uri, Error> {
    let error = |reason: &str| Error::Model(format!("{pointer}: {reason}"));
    let line = text.trim();
    if line.is_empty() {
        return Err(error("it is empty; write the key of a model into it"));
    }
    if line.contains('\n') {
        return Err(error("it has several lines; write the key of one model into it"));
    }
    let folder = pointer.split().map(|(folder, _)| folder.to_string()).unwrap_or_default();
    let named = if uri::is_uri(line) { line.to_owned() } else { format!("{folder}/{line}") };
    Uri::parse(&named).map_err(|reason| error(&reason.to_string()))
}

fn failed(error: &bcs_storage::Error) -> Error {
    Error::Model(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_name_models_beside_them_or_anywhere() {
        let pointer = Uri::parse("gs://models/runs/current.txt").unwrap();
        let target = |text: &str| target(&pointer, text).map(|uri| uri.to_string());
        assert_eq!(target("train-1/best\n").unwrap(), "gs://models/runs/train-1/best");
        assert_eq!(target(" gs://other/best/ ").unwrap(), "gs://other/best");
        for (text, reason) in
            [("", "empty"), ("a\nb", "several lines"), ("../best", "gs://models/runs/../best")]
        {
            let error = target(text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("current.txt"), "{error}");
        }
    }
}
