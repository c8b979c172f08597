//! Opens the buckets that the settings name.

use std::path::Path;
use std::sync::Arc;

use bcs_service::Failure;
use bcs_storage::Store;

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

/// Opens the stores. No request is sent to a bucket.
///
/// # Errors
/// [`Failure::Usage`] without a model or for a malformed URI; [`Failure::Failed`] if the folder of the reports cannot be
/// created, or without credentials.
pub async fn open(settings: &Settings) -> Result<Stores, Failure> {
    let Settings { storage, model, .. } = settings;
    let path = model.path.as_deref().ok_or_else(|| {
        Failure::usage(
            "no model is set; set MODEL_PATH to the model package whose reference.json to compare with",
        )
    })?;
    let path = storage.mode.model(model.repository.as_deref(), path);
    let package = path.to_string_lossy();
    Ok(Stores {
        predictions: predictions(settings).await?,
        reports: output(settings, None).await?,
        package: Package::new(
            bcs_storage::open_as_it_is(&package).await.map_err(failure("MODEL_PATH"))?,
            name_of(&path),
        ),
    })
}

/// Opens the bucket of the predictions, which is only read.
///
/// # Errors
/// As [`open`].
pub async fn predictions(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    let storage = &settings.storage;
    let name = storage.mode.bucket(&storage.predictions_bucket);
    bcs_storage::open_as_it_is(&name).await.map_err(failure("PREDICTIONS_BUCKET"))
}

/// Opens a folder or bucket to write into; by default the bucket of the reports.
///
/// # Errors
/// As [`open`].
pub async fn output(settings: &Settings, named: Option<&str>) -> Result<Arc<dyn Store>, Failure> {
    match named {
        Some(name) => bcs_storage::open(name).await.map_err(failure("--output")),
        None => {
            let storage = &settings.storage;
            let name = storage.mode.bucket(&storage.reports_bucket);
            bcs_storage::open(&name).await.map_err(failure("REPORTS_BUCKET"))
        }
    }
}

/// Names the variable at fault.
fn failure(name: &str) -> impl FnOnce(bcs_storage::Error) -> Failure {
    move |error| match error {
        bcs_storage::Error::InvalidUri { .. } => Failure::usage(format!("{name}: {error}")),
        _ => Failure::failed(format!("{error}; set {name} to a folder or bucket that can be used")),
    }
}

/// Returns the version that the predictor gives a package whose metadata states none: the name of its folder.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
