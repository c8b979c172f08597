//! Command-line arguments. Without a subcommand the server starts.

use std::path::PathBuf;

use bcs_drift::Preset;
use bcs_drift::table::CASE_COLUMN;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};

use crate::window::Bound;

/// Detects when incoming tissue differs from the tissue a model was trained on.
#[derive(Debug, Parser)]
#[command(
    name = "bcs-drift-monitor",
    version,
    after_help = "Exit codes: 0 success, 1 failure, 2 invalid usage or configuration, 3 drift and 4 not judged with --fail-on-drift"
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
    /// Exit with 3 if the data has drifted, and with 4 if there is too little to judge
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
    /// Column that names the case (patient or slide) of each row
    #[arg(long, value_name = "NAME", default_value = CASE_COLUMN)]
    pub case_column: String,
    /// What decides about drift [default: from the settings]
    #[arg(long, value_name = "PRESET")]
    pub preset: Option<PresetArgument>,
    /// Exit with 3 if the data has drifted, and with 4 if there is too little to judge
    #[arg(long)]
    pub fail_on_drift: bool,
}

/// What decides about drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PresetArgument {
    /// Cases are the unit; the level holds for all features together
    Clustered,
    /// Images are the unit, as in Evidently's DataDriftPreset
    Evidently,
}

impl From<PresetArgument> for Preset {
    fn from(argument: PresetArgument) -> Self {
        match argument {
            PresetArgument::Clustered => Self::Clustered,
            PresetArgument::Evidently => Self::Evidently,
        }
    }
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
