//! Subcommands, one file each.

mod augment;
mod evaluate;
mod export;
mod import;
mod label_map;
mod pack;
mod prune;
mod pull;
mod quantize;
mod show;
mod synthesize;
mod train;

use std::collections::BTreeMap;
use std::path::Path;

use bcs_contracts::PackageMetadata;
use bcs_model::package::{self, Existing};

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
        Some(Command::Prune(arguments)) => prune::run(&arguments),
        Some(Command::Quantize(arguments)) => quantize::run(&arguments),
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

/// Writes a model package, which replaces another one only with `--overwrite`.
fn write_package(
    output: &Path,
    metadata: PackageMetadata,
    files: &BTreeMap<String, Vec<u8>>,
    overwrite: bool,
) -> Result<()> {
    let existing = if overwrite { Existing::Replace } else { Existing::Refuse };
    package::write(output, metadata, files, existing).map_err(|error| match error {
        bcs_model::Error::Exists { path } if !overwrite => Error::Usage(format!(
            "{path} exists already; choose another --output, or replace it with --overwrite"
        )),
        error => error.into(),
    })
}
