//! What drift is measured against: the reference in a model package, with proof that it is the package's own.

use std::sync::Arc;

use bcs_contracts::keys::{METADATA_FILE, REFERENCE_FILE};
use bcs_contracts::{DriftReference, PackageMetadata, package};
use bcs_drift::Table;
use bcs_storage::{Bytes, Store};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

/// Why there is nothing to measure against.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or can't be read.
    #[error(
        "the model package can't be read: {0}; set MODEL_PATH to a package folder with its drift reference"
    )]
    Store(#[from] bcs_storage::Error),
    /// A file is not what it should be.
    #[error("{file} of the model package in {package} {reason}")]
    File {
        /// The package.
        package: String,
        /// The file.
        file: &'static str,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

/// What drift is measured against.
#[derive(Debug)]
pub struct Baseline {
    /// The model that the reference belongs to, as its records name it.
    pub version: String,
    /// The features of the training tiles.
    pub table: Table,
    /// The sha256 of the reference, in lower-case hex.
    pub sha256: String,
}

/// A model package, of which only metadata and reference are read.
pub struct Package {
    store: Arc<dyn Store>,
    name: String,
    /// The baseline, and the metadata it was read under.
    loaded: Mutex<Option<(Bytes, Arc<Baseline>)>>,
}

impl Package {
    /// The package in this store; `name` is its version where it does not say one.
    pub fn new(store: Arc<dyn Store>, name: String) -> Self {
        Self { store, name, loaded: Mutex::new(None) }
    }

    /// Its baseline. The reference, some megabytes, is read again only where the metadata changed: a package that
    /// was not there or was damaged may be put right, and a new one may take its place.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn baseline(&self) -> Result<Arc<Baseline>, Error> {
        let mut loaded = self.loaded.lock().await;
        let bytes = self.store.get(METADATA_FILE).await?;
        if let Some((metadata, baseline)) = loaded.as_ref()
            && *metadata == bytes
        {
            return Ok(Arc::clone(baseline));
        }
        let metadata = self.metadata(&bytes)?;
        let reference = self.store.get(REFERENCE_FILE).await?;
        let baseline = Arc::new(self.read(metadata, reference).await?);
        *loaded = Some((bytes, Arc::clone(&baseline)));
        Ok(baseline)
    }

    fn metadata(&self, bytes: &[u8]) -> Result<PackageMetadata, Error> {
        let metadata: PackageMetadata = serde_json::from_slice(bytes)
            .map_err(|error| self.refuse(METADATA_FILE, format!("can't be read: {error}")))?;
        if !package::READABLE.contains(&metadata.format_version) {
            let (found, readable) = (metadata.format_version, package::READABLE);
            let reason = format!(
                "has format_version {found}; this program reads {} to {}",
                readable.start(),
                readable.end()
            );
            return Err(self.refuse(METADATA_FILE, reason));
        }
        Ok(metadata)
    }

    /// Checks and parses off the threads that answer: a large reference takes a while.
    async fn read(&self, metadata: PackageMetadata, reference: Bytes) -> Result<Baseline, Error> {
        let name = self.name.clone();
        let read = tokio::task::spawn_blocking(move || parse(metadata, &reference, name)).await;
        read.unwrap_or_else(|error| Err(format!("can't be read: {error}")))
            .map_err(|reason| self.refuse(REFERENCE_FILE, reason))
    }

    fn refuse(&self, file: &'static str, reason: String) -> Error {
        Error::File { package: self.store.name(), file, reason }
    }
}

fn parse(metadata: PackageMetadata, reference: &[u8], name: String) -> Result<Baseline, String> {
    let expected = metadata.files.get(REFERENCE_FILE).ok_or(
        "is not listed in metadata.json: the model has no drift reference; take a package that the trainer wrote",
    )?;
    let sha256: String = Sha256::digest(reference).iter().map(|byte| format!("{byte:02x}")).collect();
    if sha256 != *expected {
        return Err(format!(
            "has the sha256 {sha256} where the package says {expected}: it was changed or damaged; copy the package \
             again"
        ));
    }
    let reference: DriftReference =
        serde_json::from_slice(reference).map_err(|error| format!("can't be read: {error}"))?;
    let table = Table::from_reference(&reference).map_err(|error| format!("can't be used: {error}"))?;
    let version = if metadata.version.is_empty() { name } else { metadata.version };
    Ok(Baseline { version, table, sha256 })
}

#[cfg(test)]
mod tests {
    use bcs_contracts::{FeatureTable, Features};
    use bcs_storage::{LocalStore, PutMode};

    use super::*;

    async fn write(store: &LocalStore, version: &str, reference: &[u8], sha256: &str) {
        let metadata = serde_json::json!({
            "version": version, "architecture": {"name": "UNet"}, "files": {"reference.json": sha256},
        });
        store.put(REFERENCE_FILE, reference.to_vec().into(), PutMode::Overwrite).await.unwrap();
        store.put(METADATA_FILE, metadata.to_string().into(), PutMode::Overwrite).await.unwrap();
    }

    fn reference() -> (Vec<u8>, String) {
        let mut images = FeatureTable::default();
        for value in [0.1, 0.2] {
            images.push(None, &Features::from([("grey_mean".to_owned(), value)]));
        }
        let reference = bcs_drift::reference::build("v", images, FeatureTable::default()).unwrap();
        let bytes = serde_json::to_vec(&reference).unwrap();
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        (bytes, sha256)
    }

    #[tokio::test]
    async fn a_package_may_come_be_wrong_be_put_right_and_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let package = Package::new(Arc::new(LocalStore::as_it_is(folder.path())), "folder".into());
        let refused = async || package.baseline().await.unwrap_err().to_string();
        assert!(refused().await.contains("MODEL_PATH"));

        let store = LocalStore::open(folder.path()).unwrap();
        let (bytes, sha256) = reference();
        write(&store, "v1", &bytes, "00").await;
        assert!(refused().await.contains("changed or damaged"), "{}", refused().await);
        write(&store, "v1", &bytes, &sha256).await;
        let baseline = package.baseline().await.unwrap();
        assert_eq!((baseline.version.as_str(), baseline.table.rows), ("v1", 2));
        assert!(Arc::ptr_eq(&baseline, &package.baseline().await.unwrap()));
        write(&store, "", &bytes, &sha256).await;
        assert_eq!(package.baseline().await.unwrap().version, "folder");
    }

    #[tokio::test]
    async fn a_model_without_reference_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        let metadata = r#"{"architecture": {"name": "UNet"}}"#;
        store.put(METADATA_FILE, metadata.into(), PutMode::Create).await.unwrap();
        store.put(REFERENCE_FILE, reference().0.into(), PutMode::Create).await.unwrap();
        let package = Package::new(Arc::new(store), String::new());
        assert!(package.baseline().await.unwrap_err().to_string().contains("no drift reference"));
    }
}
