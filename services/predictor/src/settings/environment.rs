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
    set(&mut settings.model.device, "DEVICE");
    set(&mut settings.storage.predictions_bucket, "PREDICTIONS_BUCKET");
    if let Some(value) = get("MODEL_PATH") {
        settings.model.path = Some(value.into());
    }
    if let Some(value) = get("AIP_HEALTH_ROUTE") {
        settings.server.health_route = Some(value);
    }
    // The last one wins.
    for name in ["PORT", "AIP_HTTP_PORT"] {
        if let Some(value) = get(name) {
            let allowed = "a number from 0 to 65535";
            settings.server.port = value.parse().map_err(|_| refused(name, &value, allowed))?;
        }
    }
    if let Some(value) = get("STORE_INPUTS") {
        settings.storage.store_inputs = truth("STORE_INPUTS", &value)?;
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

fn truth(name: &str, value: &str) -> Result<bool, Failure> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(refused(name, value, "true or false")),
    }
}

fn refused(name: &str, value: &str, allowed: &str) -> Failure {
    Failure::usage(format!("{name}={value} can't be used; give {allowed}"))
}
