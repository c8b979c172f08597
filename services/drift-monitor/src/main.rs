//! The `bcs-drift-monitor` program.

use std::process::ExitCode;

use bcs_drift_monitor::cli::Cli;
use bcs_drift_monitor::commands;
use clap::Parser;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(outcome) => outcome.exit_code(),
        Err(failure) => {
            eprintln!("bcs-drift-monitor: {failure}");
            failure.exit_code()
        }
    }
}
