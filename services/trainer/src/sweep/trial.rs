//! `bcs-trainer trial`: the process of a trial, which its sweep starts.

use rustix::process::Signal;

use crate::cli::TrialArguments;
use crate::config::Composed;
use crate::distributed::World;
use crate::error::Result;
use crate::parent;
use crate::training::{Run, RunFile};

/// Trains as the configuration in the trial's folder says, from its last checkpoint on if there is one.
///
/// # Errors
/// Those of a training run.
pub(crate) fn run(arguments: &TrialArguments) -> Result<()> {
    // Two processes must never write the same checkpoints.
    parent::end_with(arguments.parent, Signal::KILL)?;
    let folder = &arguments.folder;
    let mut composed = Composed::read(folder)?;
    if let Some(begun) = RunFile::read(folder)
        && begun.has_checkpoint()
    {
        composed.config.train_hyp.resume = Some(begun.run.display().to_string());
    }
    Run::prepare(&composed, World::alone())?.execute(folder).map(|_package| ())
}
