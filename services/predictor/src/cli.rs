//! Command-line arguments. Without a subcommand the server starts.

use std::path::PathBuf;

use bcs_contracts::origin::{self, InvalidIdentifier};
use clap::{Args, Parser, Subcommand};

/// Segments breast-cancer tissue, over HTTP or from files.
#[derive(Debug, Parser)]
#[command(
    name = "bcs-predictor",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 success, 1 failure, 2 invalid usage or configuration"
)]
pub struct Cli {
    /// Subcommand; `serve` by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Arguments of `serve`.
    #[command(flatten)]
    pub serve: ServeArguments,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve predictions over HTTP (default)
    Serve(ServeArguments),
    /// Segment an image or all images in a folder
    Predict(PredictArguments),
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Settings file [default: config/predictor.yaml if it exists]. Environment variables override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// Model package (folder), TorchScript file (.pt), or .safetensors file with metadata.json beside it
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Image, or folder of images (PNG, JPEG, TIFF, WebP, BMP)
    #[arg(long, value_name = "FILE|DIR")]
    pub input: PathBuf,
    /// Output folder for NAME_mask.png, NAME_overlay.png and NAME.json of each image
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Site or scanner of the images, for their records
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    pub source: Option<String>,
    /// Patient or slide of the images, for their records [default: the patient in a TCGA-like file name]
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    pub case: Option<String>,
    /// Also write the network output before softmax, as the tensor `logits` [1, C, H, W]; for a single image
    #[arg(long, value_name = "FILE.safetensors")]
    pub logits: Option<PathBuf>,
    /// Device: cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    pub device: String,
}

fn identifier(text: &str) -> Result<String, InvalidIdentifier> {
    origin::check(text).map(|()| text.to_owned())
}
