//! Command-line arguments. Without a subcommand the server starts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::window::Bound;

/// Detects when incoming tissue differs from the tissue a model was trained on.
#[derive(Debug, Parser)]
#[command(
    name = "bcs-drift-monitor",
    version,
    after_help = "Exit codes: 0 success, 1 failure, 2 invalid usage or configuration, 3 drift with --fail-on-drift"
)]
pub struct Cli {
    /// Settings file [default: config/drift-monitor.yaml if it exists]. Environment variables override it
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Subcommand; `serve` by default.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve reports over HTTP (default)
    Serve,
    /// Compare the predictions of a time window with the drift reference once, and store the report
    Run(RunArguments),
    /// Compare two tables of features
    Compare(CompareArguments),
    /// Make a drift reference from a folder of images, without predictions
    Reference(ReferenceArguments),
    /// Exit with 0 if the server on this machine is ready, for health checks of containers
    Healthcheck,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// First day (UTC, such as 2026-11-22) or start time (such as 2026-11-22T06:00:00Z)
    #[arg(long, value_name = "DATE")]
    pub from: Option<Bound>,
    /// Last day (included) or end time (excluded) [default: today]
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<Bound>,
    /// The last N full days and today [default: from the settings]
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to"])]
    pub days: Option<u32>,
    /// Exit with 3 if the data has drifted
    #[arg(long)]
    pub fail_on_drift: bool,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Reference: CSV with a header row, JSON rows or columns, or the reference.json of a model package
    #[arg(long, value_name = "FILE.csv|json")]
    pub reference: PathBuf,
    /// Current data, in the same formats
    #[arg(long, value_name = "FILE.csv|json")]
    pub current: PathBuf,
    /// Output folder for report.html and report.json
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Exit with 3 if the data has drifted
    #[arg(long)]
    pub fail_on_drift: bool,
}

/// Arguments of `reference`.
#[derive(Debug, Args)]
pub struct ReferenceArguments {
    /// Folder of images (PNG, JPEG, TIFF, WebP, BMP), including its subfolders
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Output file
    #[arg(long, value_name = "FILE.json")]
    pub output: PathBuf,
    /// Side in pixels of the square window over which features are measured: the tile size of the model
    #[arg(long, value_name = "PIXELS", default_value_t = 224, value_parser = value_parser!(u32).range(1..))]
    pub tile: u32,
}
