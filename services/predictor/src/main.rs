//! The `bcs-predictor` program.

use std::process::ExitCode;

use bcs_predictor::{cli::Cli, commands};
use clap::Parser;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bcs-predictor: {failure}");
            failure.exit_code()
        }
    }
}
