//! The drift reference of a model package, verified by its checksum.

use std::sync::Arc;

use bcs_contracts::keys::{METADATA_FILE, REFERENCE_FILE};
use bcs_contracts::reference::ClassCalibration;
use bcs_contracts::{DriftReference, PackageMetadata, package};
use bcs_drift::Table;
use bcs_storage::{Bytes, Store};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

/// The drift reference cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or cannot be read.
    #[error("cannot read the model package: {0}; set MODEL_PATH to a model package with a drift reference")]
    Store(#[from] bcs_storage::Error),
    /// A file is damaged or has an unsupported format.
    #[error("{file} of the model package in {package} {reason}")]
    File {
        /// Path of the package.
        package: String,
        /// Name of the file.
        file: &'static str,
        /// What is wrong, and what to do.
        reason: String,
    },
}

/// The drift reference that records are compared with.
#[derive(Debug)]
pub struct Baseline {
    /// Version of the model that the reference belongs to.
    pub version: String,
    /// Format of the reference, see [`bcs_contracts::reference`].
    pub format_version: u32,
    /// What readers of a report must know of the reference, such as what one of an older format lacks.
    pub notes: Vec<String>,
    /// Features of the reference.
    pub table: Table,
    /// How the probabilities of each class fit the validation tiles; empty if unknown.
    pub calibration: Vec<ClassCalibration>,
    /// SHA-256 of `reference.json`, in lower-case hex.
    pub sha256: String,
}

/// A model package, of which only the metadata and the drift reference are read.
pub struct Package {
    store: Arc<dyn Store>,
    name: String,
    /// The baseline and the bytes of the metadata it was read with.
    loaded: Mutex<Option<(Bytes, Arc<Baseline>)>>,
}

impl Package {
    /// Creates a package in a store. `name` is the version of a package whose metadata states none.
    pub fn new(store: Arc<dyn Store>, name: String) -> Self {
        Self { store, name, loaded: Mutex::new(None) }
    }

    /// Returns the baseline. The reference, some megabytes, is read again only if the metadata changed, so a package may
    /// be added, repaired or replaced while the server runs.
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
            .map_err(|error| self.error(METADATA_FILE, format!("cannot be read: {error}")))?;
        if !package::READABLE.contains(&metadata.format_version) {
            let (found, readable) = (metadata.format_version, package::READABLE);
            let reason = format!(
                "has format_version {found}; this program reads {} to {}",
                readable.start(),
                readable.end()
            );
            return Err(self.error(METADATA_FILE, reason));
        }
        Ok(metadata)
    }

    /// Verifies and parses the reference on a blocking thread, because a large one takes a while.
    async fn read(&self, metadata: PackageMetadata, reference: Bytes) -> Result<Baseline, Error> {
        let name = self.name.clone();
        let read = tokio::task::spawn_blocking(move || parse(metadata, &reference, name)).await;
        read.unwrap_or_else(|error| Err(format!("cannot be read: {error}")))
            .map_err(|reason| self.error(REFERENCE_FILE, reason))
    }

    fn error(&self, file: &'static str, reason: String) -> Error {
        Error::File { package: self.store.name(), file, reason }
    }
}

fn parse(metadata: PackageMetadata, reference: &[u8], name: String) -> Result<Baseline, String> {
    let expected = metadata.files.get(REFERENCE_FILE).ok_or(
        "is not listed in metadata.json, so the model has no drift reference; use a package written by the trainer",
    )?;
    let sha256 = sha256(reference);
    if sha256 != *expected {
        return Err(format!(
            "has the SHA-256 {sha256}, but metadata.json states {expected}: it was changed or damaged; copy the package \
             again"
        ));
    }
    let reference: DriftReference =
        serde_json::from_slice(reference).map_err(|error| format!("cannot be read: {error}"))?;
    let table = Table::from_reference(&reference).map_err(|error| format!("is invalid: {error}"))?;
    let version = if metadata.version.is_empty() { name } else { metadata.version };
    let notes = reference.shortcomings().map(str::to_owned).into_iter().collect();
    let DriftReference { format_version, calibration, .. } = reference;
    Ok(Baseline { version, format_version, notes, table, calibration, sha256 })
}

/// Returns the SHA-256 in lower-case hex.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
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
        let sha256 = sha256(&bytes);
        (bytes, sha256)
    }

    #[tokio::test]
    async fn a_package_can_be_added_repaired_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let package = Package::new(Arc::new(LocalStore::as_it_is(folder.path())), "folder".into());
        let failure = async || package.baseline().await.unwrap_err().to_string();
        assert!(failure().await.contains("MODEL_PATH"));

        let store = LocalStore::open(folder.path()).unwrap();
        let (bytes, sha256) = reference();
        write(&store, "v1", &bytes, "00").await;
        assert!(failure().await.contains("changed or damaged"), "{}", failure().await);
        write(&store, "v1", &bytes, &sha256).await;
        let baseline = package.baseline().await.unwrap();
        assert_eq!((baseline.version.as_str(), baseline.table.rows), ("v1", 2));
        assert_eq!((baseline.format_version, baseline.notes.len()), (2, 0));
        assert!(Arc::ptr_eq(&baseline, &package.baseline().await.unwrap()));
        write(&store, "", &bytes, &sha256).await;
        assert_eq!(package.baseline().await.unwrap().version, "folder");
    }

    #[tokio::test]
    async fn a_package_without_reference_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        let metadata = r#"{"architecture": {"name": "UNet"}}"#;
        store.put(METADATA_FILE, metadata.into(), PutMode::Create).await.unwrap();
        store.put(REFERENCE_FILE, reference().0.into(), PutMode::Create).await.unwrap();
        let package = Package::new(Arc::new(store), String::new());
        assert!(package.baseline().await.unwrap_err().to_string().contains("no drift reference"));
    }

    #[tokio::test]
    async fn references_of_format_1_are_read_with_their_shortcomings() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        let bytes = br#"{"format_version": 1, "model_version": "v", "images": 2, "features": {"grey_mean": [0.1, 0.2]}}"#;
        write(&store, "v1", bytes, &sha256(bytes)).await;
        let baseline = Package::new(Arc::new(store), String::new()).baseline().await.unwrap();
        assert_eq!((baseline.format_version, baseline.table.values("grey_mean").unwrap().len()), (1, 2));
        assert!(baseline.notes[0].contains("cases"));
    }
}
