//! Command-line arguments. Without a subcommand the server starts.

use std::path::PathBuf;

use bcs_drift::Preset;
use bcs_drift::table::CASE_COLUMN;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use jiff::civil::Date;

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
    /// Write the records of days as tables in Parquet, for DuckDB, Spark and BigQuery
    Compact(CompactArguments),
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
    /// First day (such as 2026-11-22, in the time zone of the settings) or start time (such as 2026-11-22T06:00:00Z)
    #[arg(long, value_name = "DATE")]
    pub from: Option<Bound>,
    /// Last day (included) or end time (excluded) [default: today]
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<Bound>,
    /// The last N full days and today [default: from the settings]
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to"])]
    pub days: Option<u32>,
    /// The last N hours
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to", "days"])]
    pub hours: Option<u32>,
    /// The last N predictions
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to", "days", "hours"])]
    pub last: Option<u32>,
    /// All predictions that the last report of this kind did not have
    #[arg(long, conflicts_with_all = ["from", "to", "days", "hours", "last"])]
    pub since_last: bool,
    /// Source (site or scanner) whose predictions are compared [default: all]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Judge these summaries of the records of the window, instead of reading records: one row per case, with the column
    /// `images` and the mean of each feature
    #[arg(long, value_name = "FILE.csv|parquet|json", conflicts_with_all = ["hours", "last", "since_last"])]
    pub summaries: Option<PathBuf>,
    /// Exit with 3 if the data has drifted, and with 4 if there is too little to judge
    #[arg(long)]
    pub fail_on_drift: bool,
}

/// Arguments of `compact`.
#[derive(Debug, Args)]
pub struct CompactArguments {
    /// First day (UTC) [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// Last day (UTC), included [default: the first]
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<Date>,
    /// Folder or gs:// URI of the tables [default: the bucket of the reports]
    #[arg(long, value_name = "DIR|gs://")]
    pub output: Option<String>,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Reference: CSV with a header row, Parquet, JSON rows or columns, or the reference.json of a model package
    #[arg(long, value_name = "FILE.csv|parquet|json")]
    pub reference: PathBuf,
    /// Current data, in the same formats
    #[arg(long, value_name = "FILE.csv|parquet|json")]
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
