use std::time::Duration;

use super::loaded::{LoadedModel, guard};
use super::shared::Shared;
use super::source::ModelSource;
use super::worker::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::engine::ModelInfo;
use crate::error::Error;

/// Opens the model, tries again with growing pauses until that works, and then replaces it by each new model that works.
pub(super) fn run(shared: &Shared, source: &dyn ModelSource) {
    let mut pause = FIRST_PAUSE;
    let mut known = loop {
        // Read first: a model that is replaced while it is opened is opened again.
        let fingerprint = source.fingerprint();
        match load(shared, source) {
            Ok(model) => {
                install(shared, model);
                break fingerprint;
            }
            Err(error) => {
                tracing::error!(error = error.to_string(), "The model can't be used.");
                (shared.hooks.health)(Err(error.to_string()));
            }
        }
        if !shared.pause(pause) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    if let Some(interval) = shared.options.reload {
        while shared.pause(interval.max(Duration::from_millis(1))) {
            let fingerprint = source.fingerprint();
            if fingerprint != known {
                known = fingerprint;
                replace(shared, source);
            }
        }
    }
}

/// Replaces the current model, unless the new one does not work.
fn replace(shared: &Shared, source: &dyn ModelSource) {
    match load(shared, source) {
        Ok(model) => install(shared, model),
        Err(error) => {
            tracing::error!(error = error.to_string(), "A new model was refused; the old one is kept.");
            shared.lock().refused = Some(error.to_string());
        }
    }
}

fn install(shared: &Shared, model: LoadedModel) {
    let ModelInfo { version, architecture, device, engine, .. } = model.model().info.as_ref();
    tracing::info!(version, architecture, device, engine, "The model is ready.");
    shared.install(model);
}

fn load(shared: &Shared, source: &dyn ModelSource) -> Result<LoadedModel, Error> {
    let model = guard(|| source.open())?;
    LoadedModel::new(model, shared.options.workers, shared.options.threads)
}
