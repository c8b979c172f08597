//! Opens the buckets that the settings name. Whoever works with them knows the trait alone.

use std::path::Path;
use std::sync::Arc;

use bcs_storage::{LocalStore, Store};

use crate::baseline::Package;
use crate::failure::Failure;
use crate::settings::{Settings, StorageMode};

/// Everything that is read and written.
pub struct Stores {
    /// Where records lie; only read.
    pub predictions: Arc<dyn Store>,
    /// Where reports go.
    pub reports: Arc<dyn Store>,
    /// The model package; only read.
    pub package: Package,
}

/// Opens them.
///
/// # Errors
/// [`Failure::Usage`] for settings that name none this version has; [`Failure::Failed`] for a folder of reports that
/// can't be made.
pub fn open(settings: &Settings) -> Result<Stores, Failure> {
    let storage = &settings.storage;
    if storage.mode == StorageMode::Gcp {
        return Err(Failure::usage(
            "STORAGE_MODE=gcp is not in this version; use STORAGE_MODE=local and folders",
        ));
    }
    let path = settings.model.path.as_deref().ok_or_else(|| {
        Failure::usage(
            "no model is named; set MODEL_PATH to the model package whose reference.json to compare with",
        )
    })?;
    let named = [
        ("MODEL_PATH", path),
        ("PREDICTIONS_BUCKET", Path::new(&storage.predictions_bucket)),
        ("REPORTS_BUCKET", Path::new(&storage.reports_bucket)),
    ];
    for (name, path) in named {
        local(path, name)?;
    }
    let reports = LocalStore::open(&storage.reports_bucket).map_err(|error| {
        Failure::failed(format!(
            "reports can't be stored: {error}; set REPORTS_BUCKET to a folder that can be written"
        ))
    })?;
    Ok(Stores {
        predictions: Arc::new(LocalStore::as_it_is(&storage.predictions_bucket)),
        reports: Arc::new(reports),
        package: Package::new(Arc::new(LocalStore::as_it_is(path)), name_of(path)),
    })
}

/// The name that the predictor's records carry where a package does not say its version.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Refuses a path that is not on this machine.
fn local(path: &Path, name: &str) -> Result<(), Failure> {
    if path.to_string_lossy().starts_with("gs://") {
        return Err(Failure::usage(format!(
            "{name} is {}; Google Cloud Storage is not in this version, so name a folder",
            path.display()
        )));
    }
    Ok(())
}
