//! The command line. Without a subcommand the server starts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Segments breast-cancer tissue, over HTTP or from files.
#[derive(Debug, Parser)]
#[command(name = "bcs-predictor", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; serving by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Of the server.
    #[command(flatten)]
    pub serve: ServeArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer over HTTP (the default)
    Serve(ServeArguments),
    /// Segment an image, or a folder of them
    Predict(PredictArguments),
}

/// Of the server.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Settings; by default config/predictor.yaml where it exists. The environment wins over them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Of a prediction from files.
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A package folder, a TorchScript .pt, or a .safetensors with its metadata.json beside it
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// An image, or a folder of them (PNG, JPEG, TIFF, WebP, BMP)
    #[arg(long, value_name = "FILE|DIR")]
    pub input: PathBuf,
    /// Where NAME_mask.png, NAME_overlay.png and NAME.json go
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Write the network's output before softmax, of exactly one image, as tensor `logits` [1, C, H, W]
    #[arg(long, value_name = "FILE.safetensors")]
    pub logits: Option<PathBuf>,
    /// cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    pub device: String,
}
