//! `bcs-trainer`: trains segmentation models, and what belongs to it: evaluation, import, synthetic tissue.
//!
//! # Layout
//! - [`cli`]: the command line
//! - [`commands`]: one file a subcommand
//! - [`config`]: the composed configuration as types, checked
//! - [`output`]: what people see: progress, tables, pictures
//! - [`training`]: the training run itself

mod cli;
mod commands;
mod config;
mod error;
mod output;
mod provenance;
mod training;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bcs-trainer: {error:#}");
            ExitCode::from(if error.is::<error::Usage>() { 2 } else { 1 })
        }
    }
}
