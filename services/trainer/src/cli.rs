//! The command line. Without a subcommand, arguments are overrides of a training run, as the predecessor's were.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Trains models that segment breast-cancer tissue.
#[derive(Debug, Parser)]
#[command(name = "bcs-trainer", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What to do; training by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Of a training run.
    #[command(flatten)]
    pub train: TrainArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model (the default)
    Train(TrainArguments),
    /// Print Dice and IoU of a model by class, and write them as JSON
    Evaluate(EvaluateArguments),
    /// Draw H&E-like tissue with masks in BCSS codes, from a seed
    Synthesize(SynthesizeArguments),
    /// Make a model package of weights trained elsewhere
    Import(ImportArguments),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArguments {
    /// Folder searched for configurations before /config/hydra and config/hydra
    #[arg(long, short = 'd', value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// The configuration that the others hang from
    #[arg(long, default_value = "config_hydra", value_name = "NAME")]
    pub config_name: String,
    /// Hydra's overrides: group=option, a.b=3, +a.b=3, ++a.b=3, ~a.b, lists as [1,2]
    #[arg(value_name = "OVERRIDE")]
    pub overrides: Vec<String>,
}

/// Of a training run.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainArguments {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Print the composed configuration and stop
    #[arg(long, value_name = "WHAT")]
    pub cfg: Option<Cfg>,
    /// Run every combination of a=1,2 b=x,y
    #[arg(long, short)]
    pub multirun: bool,
}

/// What `--cfg` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cfg {
    /// The composed configuration
    Job,
}

/// Of an evaluation.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// A package folder, a TorchScript .pt, or a .safetensors with its metadata.json beside it
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Folder of images
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Folder of masks of the same names
    #[arg(long, value_name = "DIR")]
    pub masks: PathBuf,
    /// Where evaluation.json and a picture go
    #[arg(long, default_value = "evaluation", value_name = "DIR")]
    pub output: PathBuf,
    /// Which codes are which class; by default as the model was trained
    #[arg(long, value_name = "NAME|FILE")]
    pub label_map: Option<String>,
    /// cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    pub device: String,
}

/// Of synthetic tissue.
#[derive(Debug, Args)]
pub(crate) struct SynthesizeArguments {
    /// Where train, train_mask, val, val_mask, test and test_mask go
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Slides; the last fifth of them (at least one each) validates and tests
    #[arg(long, default_value_t = 15)]
    pub slides: u32,
    /// Tiles of each slide
    #[arg(long, default_value_t = 16)]
    pub tiles: u32,
    /// Side of a tile in pixels
    #[arg(long, default_value_t = 224)]
    pub size: u32,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Of an import.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// A state dictionary under MONAI's names: .pt or .safetensors
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// The package folder to be made
    #[arg(long, value_name = "PACKAGE")]
    pub output: PathBuf,
    /// Describes the network: model_hyp.channels=[…], …
    #[command(flatten)]
    pub config: ConfigArguments,
}
