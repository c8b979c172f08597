//! Folders of a bucket, transferred whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_contracts::keys::METADATA_FILE;
use bcs_storage::{Bytes, Entry, MAX_PAGE, PutMode, Store};
use fs_err as fs;
use tokio::runtime::Runtime;

use super::runtime;
use crate::error::{Error, Result};

/// Longest time of a transfer of an object, with its repetitions.
const TIME: Duration = Duration::from_secs(300);

/// A bucket, a prefix of one, or a mounted bucket.
pub(crate) struct Bucket {
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl Bucket {
    /// Opens a bucket and checks that it can be used.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn open(location: &Path) -> Result<Self> {
        let runtime = runtime()?;
        let store = runtime.block_on(async {
            let store = bcs_storage::open(&location.to_string_lossy()).await?;
            store.check().await?;
            Ok::<_, bcs_storage::Error>(store)
        })?;
        Ok(Self { runtime, store })
    }

    /// Opens a bucket, or a folder, which is not created, for reading.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn open_as_it_is(location: &Path) -> Result<Self> {
        let runtime = runtime()?;
        let store = runtime.block_on(bcs_storage::open_as_it_is(&location.to_string_lossy()))?;
        Ok(Self { runtime, store })
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn get(&self, key: &str) -> Result<Bytes> {
        Ok(self.runtime.block_on(self.store().get(key))?)
    }

    /// Location of the bucket.
    pub(crate) fn name(&self) -> String {
        self.store.name()
    }

    /// Runtime of the connections.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The store, for one operation.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store.until(Instant::now() + TIME)
    }

    /// Lists the objects whose keys start with `prefix`.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.runtime.block_on(async {
            let (mut entries, mut token) = (Vec::new(), None);
            loop {
                let page = self.store().list_page(prefix, token.as_deref(), MAX_PAGE).await?;
                entries.extend(page.entries);
                token = page.next;
                if token.is_none() {
                    return Ok(entries);
                }
            }
        })
    }

    /// Writes an object.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<()> {
        Ok(self.runtime.block_on(self.store().put(key, bytes, mode))?)
    }

    /// Uploads the files of a model package or checkpoint; `metadata.json`, which readers look for, is written last, and
    /// removed first where there is one already. An empty `prefix` is the bucket itself.
    ///
    /// # Errors
    /// [`Error::Upload`], with the local folder, which is complete.
    pub(crate) fn upload(&self, folder: &Path, prefix: &str) -> Result<()> {
        self.upload_files(folder, prefix).map_err(|source| Error::Upload {
            source: Box::new(source),
            folder: folder.to_owned(),
            target: format!("{}/{prefix}", self.name()),
        })
    }

    fn upload_files(&self, folder: &Path, prefix: &str) -> Result<()> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        let has_marker = names.remove(METADATA_FILE);
        if has_marker {
            self.runtime.block_on(self.store().delete(&key(prefix, METADATA_FILE)))?;
        }
        for name in names.iter().map(String::as_str).chain(has_marker.then_some(METADATA_FILE)) {
            self.put(&key(prefix, name), fs::read(folder.join(name))?.into(), PutMode::Overwrite)?;
        }
        Ok(())
    }

    /// Downloads the files of a model package or checkpoint into a folder, which is there with all files or not at all.
    ///
    /// # Errors
    /// [`Error::Storage`]; [`Error::Io`].
    pub(crate) fn download(&self, prefix: &str, folder: &Path) -> Result<()> {
        let parent = folder.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let unfinished = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(parent)?;
        for entry in self.list(&format!("{prefix}/"))? {
            let name = &entry.key[prefix.len() + 1..];
            if !name.contains('/') {
                let bytes = self.runtime.block_on(self.store().get(&entry.key))?;
                fs::write(unfinished.path().join(name), bytes)?;
            }
        }
        fs::rename(unfinished.keep(), folder)?;
        Ok(())
    }

    /// Deletes the objects of a folder, the one that readers look for first.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn delete(&self, prefix: &str) -> Result<()> {
        let marker = key(prefix, METADATA_FILE);
        let others = self.list(&format!("{prefix}/"))?.into_iter().map(|entry| entry.key);
        for key in [marker.clone()].into_iter().chain(others.filter(|key| *key != marker)) {
            self.runtime.block_on(self.store().delete(&key))?;
        }
        Ok(())
    }
}

fn key(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        files.iter().for_each(|(name, content)| fs::write(folder.join(name), content).unwrap());
    }

    #[test]
    fn folders_are_transferred_whole() {
        let work = tempfile::tempdir().unwrap();
        // As a mounted bucket.
        let bucket = Bucket::open(&work.path().join("bucket")).unwrap();
        let (from, to) = (work.path().join("from"), work.path().join("to/last"));
        write(&from, &[("metadata.json", "1"), ("model.safetensors", "22")]);
        bucket.upload(&from, "run/last").unwrap();
        bucket.upload(&from, "").unwrap();
        write(&work.path().join("bucket/run/last/below"), &[("other", "3")]);
        bucket.download("run/last", &to).unwrap();
        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
        assert_eq!(fs::read_to_string(to.join("model.safetensors")).unwrap(), "22");
        bucket.delete("run/last").unwrap();
        let left: Vec<String> = bucket.list("").unwrap().into_iter().map(|entry| entry.key).collect();
        assert_eq!(left, ["metadata.json", "model.safetensors"]);
    }

    #[test]
    fn a_failed_upload_names_both_places() {
        let work = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(&work.path().join("bucket")).unwrap();
        let from = work.path().join("from");
        write(&from, &[("model.safetensors", "22")]);
        write(&work.path().join("bucket"), &[("run", "a file in the way")]);
        let error = bucket.upload(&from, "run").unwrap_err().to_string();
        assert!(error.contains("from") && error.contains("bucket/run"), "{error}");
    }
}
