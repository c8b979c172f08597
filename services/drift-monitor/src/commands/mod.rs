//! One file per subcommand.

mod compact;
mod compare;
mod healthcheck;
mod reference;
mod run;
mod serve;

use bcs_service::Failure;

use crate::cli::{Cli, Command};
use crate::outcome::Outcome;

/// Runs the subcommand.
///
/// # Errors
/// [`Failure`], which has the exit code.
pub fn run(cli: Cli) -> Result<Outcome, Failure> {
    let config = cli.config.as_deref();
    match cli.command {
        None | Some(Command::Serve) => serve::run(config),
        Some(Command::Run(arguments)) => run::run(config, &arguments),
        Some(Command::Compact(arguments)) => compact::run(config, &arguments),
        Some(Command::Compare(arguments)) => compare::run(config, &arguments),
        Some(Command::Reference(arguments)) => reference::run(&arguments),
        Some(Command::Healthcheck) => healthcheck::run(config),
    }
}

/// Number of threads that read files and compare. Each keeps memory of its own, so that the server's would climb until all of
/// tokio's 512 had been used. They read many files at a time, so that a few suffice.
const BLOCKING_THREADS: usize = 4;

/// Starts the async runtime.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))
}
