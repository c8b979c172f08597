//! One file a subcommand.

mod compare;
mod reference;
mod run;
mod serve;

use crate::cli::{Cli, Command};
use crate::failure::{Failure, Outcome};

/// Does what the command line says.
///
/// # Errors
/// [`Failure`], which knows its exit code.
pub fn run(cli: Cli) -> Result<Outcome, Failure> {
    let config = cli.config.as_deref();
    match cli.command {
        None | Some(Command::Serve) => serve::run(config),
        Some(Command::Run(arguments)) => run::run(config, &arguments),
        Some(Command::Compare(arguments)) => compare::run(config, &arguments),
        Some(Command::Reference(arguments)) => reference::run(&arguments),
    }
}
