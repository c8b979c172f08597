//! One file a subcommand.

mod evaluate;
mod import;
mod synthesize;
mod train;

use anyhow::Result;

use crate::cli::{Cli, Command};

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        None => train::run(&cli.train),
        Some(Command::Train(arguments)) => train::run(&arguments),
        Some(Command::Evaluate(arguments)) => evaluate::run(&arguments),
        Some(Command::Synthesize(arguments)) => synthesize::run(&arguments),
        Some(Command::Import(arguments)) => import::run(&arguments),
    }
}
