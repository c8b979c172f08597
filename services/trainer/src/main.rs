//! `bcs-trainer`: trains segmentation models, evaluates and imports them, and draws synthetic tissue.
//!
//! # Layout
//! - [`cli`]: command line
//! - [`commands`]: one file per subcommand
//! - [`config`]: configuration, composed and checked
//! - [`distributed`]: training in several processes
//! - [`error`]: errors and exit codes
//! - [`environment`]: what a run depends on beside its configuration
//! - [`evaluation`]: MONAI's metrics of a model on a data set
//! - [`folders`]: folders of runs
//! - [`graph`]: the ONNX graph in a model package
//! - [`output`]: progress, tables and pictures
//! - [`parent`]: processes that end with the one that has started them
//! - [`provenance`]: origin of a model
//! - [`python`]: Python that loads an exported model
//! - [`quantization`]: choice of scales and layers of a quantized graph
//! - [`remote`]: data and models that are not on this machine
//! - [`report`]: reports as HTML pages
//! - [`statistics`]: confidence intervals and paired tests
//! - [`sweep`]: sweeps over many training runs
//! - [`training`]: training runs, from configuration to model package

mod cli;
mod commands;
mod config;
mod distributed;
mod environment;
mod error;
mod evaluation;
mod folders;
mod graph;
mod output;
mod parent;
mod provenance;
mod python;
mod quantization;
mod remote;
mod report;
mod statistics;
mod sweep;
mod training;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::with_overrides(cli::with_long_flags(std::env::args_os()).into_iter());
    match commands::run(cli::Cli::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, error::Error::Printed { .. }) {
                output::error(&error);
            }
            ExitCode::from(error.exit_code())
        }
    }
}
