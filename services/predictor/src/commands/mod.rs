//! One file a subcommand.

mod predict;
mod serve;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Does what the command line says.
///
/// # Errors
/// [`Failure`], which knows its exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(arguments)) => serve::run(&arguments),
        Some(Command::Predict(arguments)) => predict::run(&arguments),
    }
}
