//! The sinks of a run.

use std::path::{Path, PathBuf};

use bcs_tracking::tensorboard::TensorBoard;
use bcs_tracking::wandb::{Settings, Wandb, new_id};
use bcs_tracking::{Locations, Run, Sink};

use super::identity::Identity;
use crate::output::warn;

/// Opened sinks.
pub(super) struct Opened {
    /// The sinks but JSON lines.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Folder of Weights & Biases, if the run is tracked there.
    pub wandb: Option<PathBuf>,
    /// What the run takes over when it goes on.
    pub identity: Identity,
}

/// Opens sinks; those that cannot be opened are left out with a warning. `before` is the identity of the run until now.
pub(super) fn open(
    tensorboard: bool,
    wandb: Option<&Settings>,
    locations: &Locations,
    run: &Run,
    before: Identity,
) -> Opened {
    let mut opened = Opened { sinks: Vec::new(), wandb: None, identity: before };
    let absolute = |path: &Path| std::path::absolute(path).ok();
    if tensorboard && let Some(sink) = available(TensorBoard::create(&locations.tensorboard, run)) {
        opened.identity.tensorboard = absolute(&locations.tensorboard);
        opened.sinks.push(Box::new(sink));
    }
    if let Some(settings) = wandb {
        let known = settings.id.clone().or_else(|| opened.identity.wandb_id.take());
        let id = known.unwrap_or_else(new_id);
        if let Some(sink) =
            available(Wandb::create(&locations.wandb, settings, &id, run, &opened.identity.wandb))
        {
            opened.identity.wandb.extend(absolute(sink.folder()));
            opened.wandb = Some(sink.folder().to_owned());
            opened.sinks.push(Box::new(sink));
        }
        opened.identity.wandb_id = Some(id);
    }
    opened
}

/// Returns a sink, or warns that it is left out.
pub(super) fn available<T>(sink: bcs_tracking::Result<T>) -> Option<T> {
    sink.inspect_err(|error| warn(&format!("the run is not tracked there: {error}"))).ok()
}
