//! Environment variables of the settings, with the names of the predecessor and of the platforms.

use bcs_service::Environment;
use bcs_service::environment::InvalidVariable;

use super::Settings;

/// Applies the variables to the settings.
pub(super) fn apply(settings: &mut Settings, environment: &Environment<'_>) -> Result<(), InvalidVariable> {
    let Settings { server, model, storage, .. } = settings;
    environment.set_text(&mut server.host, "HOST");
    environment.set(&mut server.port, "PORT", "a number from 0 to 65535")?;
    environment.set_optional(&mut server.oidc_audience, "OIDC_AUDIENCE");
    environment.set_optional(&mut model.path, "MODEL_PATH");
    environment.set_text(&mut storage.predictions_bucket, "PREDICTIONS_BUCKET");
    environment.set_text(&mut storage.reports_bucket, "REPORTS_BUCKET");
    environment.set(&mut storage.mode, "STORAGE_MODE", "local")
}
