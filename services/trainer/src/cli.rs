//! Command line. Without a subcommand, the arguments are overrides of a training run, as the predecessor's were.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::PRIMARY_CONFIG;

/// Trains models that segment breast-cancer tissue
#[derive(Debug, Parser)]
#[command(name = "bcs-trainer", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// Subcommand; training by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Arguments of a training run.
    #[command(flatten)]
    pub train: TrainArguments,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model (default)
    Train(TrainArguments),
    /// Compute MONAI's metrics of a model, per class
    Evaluate(EvaluateArguments),
    /// Draw synthetic H&E tissue with masks in BCSS codes
    Synthesize(SynthesizeArguments),
    /// Make a model package from weights trained elsewhere
    Import(ImportArguments),
    /// Write a model for other programs: TorchScript, or safetensors with MONAI's names
    Export(ExportArguments),
}

/// Arguments that select the configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArguments {
    /// Folder with config files, searched before /config/hydra, config/hydra and the built-in files
    #[arg(long, short = 'd', value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Name of the primary config
    #[arg(long, default_value = PRIMARY_CONFIG, value_name = "NAME")]
    pub config_name: String,
    /// Hydra overrides: group=option, a.b=3, +a.b=3, ++a.b=3, ~a.b; lists as [1,2]
    #[arg(value_name = "OVERRIDE")]
    pub overrides: Vec<String>,
}

/// Arguments of a training run.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainArguments {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Print the composed configuration (interpolations unresolved) or the layers of its network, or draw its augmentation,
    /// and exit
    #[arg(long, value_name = "CONFIG")]
    pub cfg: Option<Cfg>,
    /// Run a sweep: one run for each combination of a=1,2 b=x,y
    #[arg(long, short)]
    pub multirun: bool,
}

/// Configurations that `--cfg` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cfg {
    /// Composed configuration of the run; with -m, of each run as a YAML document
    Job,
    /// Layers of the network with output shapes and parameters; with -m, of the network of each run
    Model,
    /// Picture of augmented training tiles in outputs/DATE/TIME; with -m, of each run
    Augment,
}

/// Arguments of an evaluation.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// Model package folder, TorchScript .pt, or .safetensors with its metadata.json beside it
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Folder of images
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Folder of masks, with the same file names as the images
    #[arg(long, value_name = "DIR")]
    pub masks: PathBuf,
    /// Folder for evaluation.json and evaluation.png
    #[arg(long, default_value = "evaluation", value_name = "DIR")]
    pub output: PathBuf,
    /// Label map: a built-in name or a YAML file; by default the one the model was trained with
    #[arg(long, value_name = "NAME|FILE")]
    pub label_map: Option<String>,
    /// Distance in pixels within which boundaries count as equal in the surface Dice
    #[arg(long, default_value_t = 2.0, value_name = "PIXELS")]
    pub surface_tolerance: f64,
    /// cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    pub device: String,
}

/// Arguments of synthetic tissue.
#[derive(Debug, Args)]
pub(crate) struct SynthesizeArguments {
    /// Folder for train, train_mask, val, val_mask, test and test_mask
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Number of slides; one fifth of them (at least one) is for validation, another for testing
    #[arg(long, default_value_t = 15)]
    pub slides: u32,
    /// Number of tiles per slide
    #[arg(long, default_value_t = 16)]
    pub tiles: u32,
    /// Width and height of a tile in pixels
    #[arg(long, default_value_t = 224)]
    pub size: u32,
    /// Seed; equal seeds give equal files
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Arguments of an import.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Parameters of MONAI's network: safetensors, a state_dict of torch.save, a Lightning checkpoint, or TorchScript
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// Folder of the model package
    #[arg(long, value_name = "PACKAGE")]
    pub output: PathBuf,
    /// Take the parameters that fit, and leave the others as initialized with train_hyp.seed
    #[arg(long)]
    pub allow_partial: bool,
    /// Replace an existing model package
    #[arg(long)]
    pub overwrite: bool,
    /// Configuration; model_hyp describes the network.
    #[command(flatten)]
    pub config: ConfigArguments,
}

/// Arguments of an export.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Model package folder, or .safetensors with its metadata.json beside it
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Format of the file
    #[arg(long, value_name = "FORMAT")]
    pub format: Format,
    /// File; its metadata.json is written beside it [default: export/model.pt or export/model.safetensors]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace existing files
    #[arg(long)]
    pub overwrite: bool,
}

/// Formats that models are exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Network and parameters, for torch.jit.load
    Torchscript,
    /// Parameters with MONAI's names, for load_state_dict
    Safetensors,
}
