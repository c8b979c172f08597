//! `bcs-trainer trial`: the process of a trial, which its sweep starts.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::cli::TrialArguments;
use crate::config::Composed;
use crate::error::{Error, Result};
use crate::training::{Run, RunFile};

/// Trains as the configuration in the trial's folder says, from its last checkpoint on if there is one.
///
/// # Errors
/// Those of a training run.
pub(crate) fn run(arguments: &TrialArguments) -> Result<()> {
    die_with(arguments.parent)?;
    let folder = &arguments.folder;
    let mut composed = Composed::read(folder)?;
    if let Some(begun) = RunFile::read(folder)
        && begun.has_checkpoint()
    {
        composed.config.train_hyp.resume = Some(begun.run.display().to_string());
    }
    Run::prepare(&composed)?.execute(folder).map(|_package| ())
}

/// Lets the system kill this process when that of the sweep ends, so that two never write the same checkpoints.
fn die_with(parent: u32) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(std::io::Error::from)?;
    let is_there = getppid().map(Pid::as_raw_pid).and_then(|pid| u32::try_from(pid).ok()) == Some(parent);
    if is_there { Ok(()) } else { Err(Error::Usage("the sweep of this trial has ended".to_owned())) }
}
