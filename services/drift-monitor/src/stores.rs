//! Opens the buckets that the settings name.

use std::path::Path;
use std::sync::Arc;

use bcs_service::Failure;
use bcs_service::settings::{StorageMode, require_local};
use bcs_storage::{LocalStore, Store};

use crate::baseline::Package;
use crate::settings::Settings;

/// Buckets and model package of a monitor.
pub struct Stores {
    /// Bucket of the prediction records, which is only read.
    pub predictions: Arc<dyn Store>,
    /// Bucket of the reports.
    pub reports: Arc<dyn Store>,
    /// Model package, which is only read.
    pub package: Package,
}

/// Opens the stores.
///
/// # Errors
/// [`Failure::Usage`] for stores that this version does not support; [`Failure::Failed`] if the folder of the reports
/// cannot be created.
pub fn open(settings: &Settings) -> Result<Stores, Failure> {
    let storage = &settings.storage;
    if storage.mode == StorageMode::Gcp {
        return Err(Failure::usage(
            "this version does not support STORAGE_MODE=gcp; use STORAGE_MODE=local and folders",
        ));
    }
    let path = settings.model.path.as_deref().ok_or_else(|| {
        Failure::usage(
            "no model is set; set MODEL_PATH to the model package whose reference.json to compare with",
        )
    })?;
    let named = [
        ("MODEL_PATH", path),
        ("PREDICTIONS_BUCKET", Path::new(&storage.predictions_bucket)),
        ("REPORTS_BUCKET", Path::new(&storage.reports_bucket)),
    ];
    for (name, path) in named {
        require_local(path, name)?;
    }
    let reports = LocalStore::open(&storage.reports_bucket).map_err(|error| {
        Failure::failed(format!("reports cannot be stored: {error}; set REPORTS_BUCKET to a writable folder"))
    })?;
    Ok(Stores {
        predictions: Arc::new(LocalStore::as_it_is(&storage.predictions_bucket)),
        reports: Arc::new(reports),
        package: Package::new(Arc::new(LocalStore::as_it_is(path)), name_of(path)),
    })
}

/// Returns the version that the predictor gives a package whose metadata states none: the name of its folder.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
