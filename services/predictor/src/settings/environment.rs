//! The environment over the settings, under the names that the predecessor and the platforms gave.

use bcs_service::{Environment, environment::Refused};

use super::{Settings, StorageMode};

/// Lays the variables over the settings.
pub(super) fn apply(settings: &mut Settings, environment: &Environment<'_>) -> Result<(), Refused> {
    let Settings { server, model, storage, .. } = settings;
    environment.set_text(&mut server.host, "HOST");
    // The last one wins.
    for name in ["PORT", "AIP_HTTP_PORT"] {
        environment.set(&mut server.port, name, "a number from 0 to 65535")?;
    }
    environment.set_some(&mut server.health_route, "AIP_HEALTH_ROUTE");
    environment.set_some(&mut model.path, "MODEL_PATH");
    environment.set_text(&mut model.device, "DEVICE");
    environment.set_text(&mut storage.predictions_bucket, "PREDICTIONS_BUCKET");
    environment.set_truth(&mut storage.store_inputs, "STORE_INPUTS")?;
    environment.set_with(&mut storage.mode, "STORAGE_MODE", "local", |value| match value {
        "local" => Some(StorageMode::Local),
        "gcp" => Some(StorageMode::Gcp),
        _ => None,
    })
}
