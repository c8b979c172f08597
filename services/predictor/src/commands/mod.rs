//! One file per subcommand.

mod healthcheck;
mod predict;
mod serve;

use bcs_service::Failure;

use crate::cli::{Cli, Command};

/// Runs the subcommand.
///
/// # Errors
/// [`Failure`], which has the exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(arguments)) => serve::run(&arguments),
        Some(Command::Predict(arguments)) => predict::run(&arguments),
        Some(Command::Healthcheck(arguments)) => healthcheck::run(&arguments),
    }
}
