//! Subcommands, one file each.

mod augment;
mod evaluate;
mod export;
mod import;
mod pack;
mod pull;
mod show;
mod synthesize;
mod train;

use std::path::Path;

use crate::cli::{Cli, Command};
use crate::error::{Error, Result};

/// Runs the subcommand of the command line.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        None => train::run(&cli.train),
        Some(Command::Train(arguments)) => train::run(&arguments),
        Some(Command::Launch(arguments)) => crate::distributed::launch::run(&arguments),
        Some(Command::Evaluate(arguments)) => evaluate::run(&arguments),
        Some(Command::Pack(arguments)) => pack::run(&arguments),
        Some(Command::Synthesize(arguments)) => synthesize::run(&arguments),
        Some(Command::Import(arguments)) => import::run(&arguments),
        Some(Command::Export(arguments)) => export::run(&arguments),
        Some(Command::Pull(arguments)) => pull::run(&arguments),
        Some(Command::Trial(arguments)) => crate::sweep::trial::run(&arguments),
    }
}

/// Checks that the path given with a flag exists.
fn require_path(flag: &str, path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    Err(Error::Usage(format!("{flag} {}: there is no such file or folder", path.display())))
}
