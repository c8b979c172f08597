//! The environment over the settings, under the names that the predecessor and the platforms gave.

use super::{Settings, StorageMode};
use crate::failure::Failure;

/// Lays the variables over the settings. One that is empty counts as not set.
pub(super) fn apply(
    settings: &mut Settings,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let get = |name: &str| environment(name).filter(|value| !value.is_empty());
    let set = |target: &mut String, name: &str| {
        if let Some(value) = get(name) {
            *target = value;
        }
    };
    set(&mut settings.server.host, "HOST");
    set(&mut settings.storage.predictions_bucket, "PREDICTIONS_BUCKET");
    set(&mut settings.storage.reports_bucket, "REPORTS_BUCKET");
    if let Some(value) = get("MODEL_PATH") {
        settings.model.path = Some(value.into());
    }
    if let Some(value) = get("OIDC_AUDIENCE") {
        settings.server.oidc_audience = Some(value);
    }
    if let Some(value) = get("PORT") {
        settings.server.port =
            value.parse().map_err(|_| refused("PORT", &value, "a number from 0 to 65535"))?;
    }
    if let Some(value) = get("STORAGE_MODE") {
        settings.storage.mode = match value.as_str() {
            "local" => StorageMode::Local,
            "gcp" => StorageMode::Gcp,
            _ => return Err(refused("STORAGE_MODE", &value, "local")),
        };
    }
    Ok(())
}

fn refused(name: &str, value: &str, allowed: &str) -> Failure {
    Failure::usage(format!("{name}={value} can't be used; give {allowed}"))
}
