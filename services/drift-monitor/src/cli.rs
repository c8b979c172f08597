//! The command line. Without a subcommand the server starts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::window::Bound;

/// Tells when the tissue that comes in is no longer the tissue trained on.
#[derive(Debug, Parser)]
#[command(
    name = "bcs-drift-monitor",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 drift with --fail-on-drift"
)]
pub struct Cli {
    /// Settings; by default config/drift-monitor.yaml where it exists. The environment wins over them
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do; serving by default.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer over HTTP (the default)
    Serve,
    /// Compare the predictions of a window with the reference, once, and store the report
    Run(RunArguments),
    /// Compare two tables of features
    Compare(CompareArguments),
    /// Make a reference from the images of a folder, without predictions
    Reference(ReferenceArguments),
}

/// Of a single run.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// First day (UTC, as 2026-11-22), or moment (as 2026-11-22T06:00:00Z)
    #[arg(long, value_name = "DATE")]
    pub from: Option<Bound>,
    /// Last day, which is included, or the moment to stop before; today by default
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<Bound>,
    /// The last so many full days, and today as far as it has come; the settings say how many by default
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to"])]
    pub days: Option<u32>,
    /// Exit with 3 where the data as a whole has drifted
    #[arg(long)]
    pub fail_on_drift: bool,
}

/// Of a comparison of two tables.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// CSV with names in the first line, JSON rows or columns, or the reference.json of a model
    #[arg(long, value_name = "FILE.csv|json")]
    pub reference: PathBuf,
    /// What to compare with it, in the same formats
    #[arg(long, value_name = "FILE.csv|json")]
    pub current: PathBuf,
    /// Folder that report.html and report.json go to
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Exit with 3 where the data as a whole has drifted
    #[arg(long)]
    pub fail_on_drift: bool,
}

/// Of a reference of images alone.
#[derive(Debug, Args)]
pub struct ReferenceArguments {
    /// Folder of images (PNG, JPEG, TIFF, WebP, BMP), with the folders in it
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Where the reference goes
    #[arg(long, value_name = "FILE.json")]
    pub output: PathBuf,
}
