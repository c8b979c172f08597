//! Command line. Without a subcommand, the arguments are overrides of a training run, as the predecessor's were.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::PRIMARY_CONFIG;
use crate::remote::dvc::JOBS;

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

/// Returns the arguments with overrides in Hydra's form where Vertex AI passes the parameters of a tuning trial as flags:
/// `--train_hyp.learning_rate=0.01`. No flag of this program has a dot in its name.
pub(crate) fn with_overrides(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let is_override =
        |flag: &str| flag.split_once('=').is_some_and(|(name, _)| name.contains('.') && !name.contains('/'));
    let rewritten = arguments.map(|argument| {
        let flag = argument.to_str().and_then(|text| text.strip_prefix("--"));
        flag.filter(|flag| is_override(flag)).map(OsString::from).unwrap_or(argument)
    });
    rewritten.collect()
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model (default)
    Train(TrainArguments),
    /// Train in several processes of this machine, which share each batch
    Launch(LaunchArguments),
    /// Score a model per class, with confidence intervals by patient, and compare it with another
    Evaluate(EvaluateArguments),
    /// Pack tiles in tar files (shards), which stream from a bucket
    Pack(PackArguments),
    /// Draw synthetic H&E tissue with masks in BCSS codes
    Synthesize(SynthesizeArguments),
    /// Make a model package from weights trained elsewhere
    Import(ImportArguments),
    /// Write a model for other programs: TorchScript, ONNX, or safetensors with MONAI's names
    Export(ExportArguments),
    /// Make a smaller model from the most important channels of a UNet, to be trained further
    Prune(PruneArguments),
    /// Add a graph to a model package whose convolutions compute in 8 bits
    Quantize(QuantizeArguments),
    /// Fetch data that DVC tracks, as dvc pull does
    Pull(PullArguments),
    /// Run a trial of a sweep, which starts it
    #[command(hide = true)]
    Trial(TrialArguments),
}

/// Arguments that select the configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArguments {
    /// Folder with config files, searched before /config/hydra, config/hydra and the built-in files (also -cd)
    #[arg(long, short = 'd', value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Folder with all config files: neither the built-in files nor /config/hydra and config/hydra are searched (also -cp)
    #[arg(long, value_name = "DIR")]
    pub config_path: Option<PathBuf>,
    /// Name of the primary config (also -cn)
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
    /// Print the composed configuration or the layers of its network, or draw its augmentation, and exit
    #[arg(long, short, value_name = "CONFIG")]
    pub cfg: Option<Cfg>,
    /// With --cfg, print the results of interpolations
    #[arg(long, requires = "cfg")]
    pub resolve: bool,
    /// With --cfg, print this part of the configuration, such as train_hyp
    #[arg(long, short, value_name = "PACKAGE", requires = "cfg")]
    pub package: Option<String>,
    /// Print where the configuration comes from, and exit
    #[arg(long, short, value_name = "INFO", num_args = 0..=1, default_missing_value = "all", conflicts_with = "cfg")]
    pub info: Option<Info>,
    /// Run a sweep: one run for each combination of a=1,2 b=x,y, or for random draws (sweep=random)
    #[arg(long, short)]
    pub multirun: bool,
}

/// Arguments of a launch.
#[derive(Debug, Args)]
pub(crate) struct LaunchArguments {
    /// Number of processes of this machine: that of its GPUs, or one for each few CPUs
    #[arg(long, value_name = "N", value_parser = count)]
    pub nproc: usize,
    /// Number of machines, each of which runs this command [default: those of the job on Vertex AI, else 1]
    #[arg(long, default_value_t = 1, hide_default_value = true, value_name = "N", value_parser = count)]
    pub nnodes: usize,
    /// Number of this machine, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub node_rank: usize,
    /// Host or address of machine 0
    #[arg(long, value_name = "HOST")]
    pub master_addr: Option<String>,
    /// Free port of machine 0 [default on one machine: any]
    #[arg(long, value_name = "PORT")]
    pub master_port: Option<u16>,
    /// Arguments of bcs-trainer in each process, after --
    #[arg(last = true, value_name = "ARGUMENT")]
    pub command: Vec<OsString>,
}

/// Parses a number of at least 1.
fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "give a number of at least 1".to_owned())
}

/// Configurations that `--cfg` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cfg {
    /// Composed configuration of the run; with -m, of each run as a YAML document
    Job,
    /// Hydra's part of the configuration: folders of runs, overrides, choices
    Hydra,
    /// Both
    All,
    /// Layers of the network with output shapes and parameters; with -m, of the network of each run
    Model,
    /// Picture of augmented training tiles in the output folder; with -m, of each run
    Augment,
}

/// Arguments of a trial.
#[derive(Debug, Args)]
pub(crate) struct TrialArguments {
    /// Folder of the trial, with its configuration
    pub folder: PathBuf,
    /// Process of the sweep
    #[arg(long)]
    pub parent: u32,
}

/// What `--info` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Info {
    /// Everything below
    All,
    /// Search path, defaults lists and configuration
    Config,
    /// Config files in the order of composition
    Defaults,
    /// Tree of the defaults lists
    DefaultsTree,
    /// Plugins; there are none
    Plugins,
    /// Folders that are searched for config files
    Searchpath,
}

/// Returns the arguments with Hydra's flags of two letters in their long form: `-cn` is `--config-name`.
pub(crate) fn with_long_flags(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let long = |argument: OsString| match argument.to_str() {
        Some("-cd") => "--config-dir".into(),
        Some("-cn") => "--config-name".into(),
        Some("-cp") => "--config-path".into(),
        _ => argument,
    };
    arguments.map(long).collect()
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
    /// Second model (B), which is compared with the first (A) on the same images
    #[arg(long, value_name = "MODEL")]
    pub compare: Option<PathBuf>,
    /// Folder for evaluation.html, evaluation.json, evaluation.csv and evaluation.png
    #[arg(long, default_value = "evaluation", value_name = "DIR")]
    pub output: PathBuf,
    /// Label map: a built-in name or a YAML file; by default the one the model was trained with
    #[arg(long, value_name = "NAME|FILE")]
    pub label_map: Option<String>,
    /// Distance in pixels within which boundaries count as equal in the surface Dice
    #[arg(long, default_value_t = 2.0, value_name = "PIXELS")]
    pub surface_tolerance: f64,
    /// Number of bootstrap resamples
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub bootstrap: u32,
    /// Confidence level of the intervals, in (0, 1)
    #[arg(long, default_value_t = 0.95, value_name = "LEVEL")]
    pub confidence: f64,
    /// Seed of the resamples; equal seeds give equal intervals
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    pub device: String,
}

/// Arguments of a pack.
#[derive(Debug, Args)]
pub(crate) struct PackArguments {
    /// Folder of images, or its gs:// location
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Folder of masks, with the same file names as the images
    #[arg(long, value_name = "DIR")]
    pub masks: PathBuf,
    /// Folder or gs:// location for the shards and index.json
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Size of a shard in megabytes
    #[arg(long, default_value_t = 64, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub shard_mb: u64,
    /// Seed of the order of the tiles; equal seeds give equal shards
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
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
    /// File; its metadata.json is written beside it [default: export/model.pt, .safetensors or .onnx]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace existing files
    #[arg(long)]
    pub overwrite: bool,
}

/// Arguments of a pruning.
#[derive(Debug, Args)]
pub(crate) struct PruneArguments {
    /// Model package folder, of a UNet
    #[arg(long, value_name = "PACKAGE")]
    pub model: PathBuf,
    /// Folder of the smaller model package
    #[arg(long, value_name = "PACKAGE")]
    pub output: PathBuf,
    /// Multiplications of the smaller network, at most, as a fraction of those of the given one, in (0, 1)
    #[arg(long, default_value_t = 0.5, value_name = "FRACTION")]
    pub multiplications: f64,
    /// Replace an existing model package
    #[arg(long)]
    pub overwrite: bool,
}

/// Arguments of a quantization.
#[derive(Debug, Args)]
pub(crate) struct QuantizeArguments {
    /// Model package folder
    #[arg(long, value_name = "PACKAGE")]
    pub model: PathBuf,
    /// Folder of training tiles, from which the ranges of tensors are measured
    #[arg(long, value_name = "DIR")]
    pub calibration: PathBuf,
    /// Folder of images on which both graphs are scored
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Folder of their masks, with the same file names
    #[arg(long, value_name = "DIR")]
    pub masks: PathBuf,
    /// Folder of the quantized model package
    #[arg(long, value_name = "PACKAGE")]
    pub output: PathBuf,
    /// Number of calibration tiles, spread evenly over the folder
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub calibration_tiles: u32,
    /// Largest accepted loss of pooled Dice; convolutions stay in floating point until it is met
    #[arg(long, default_value_t = 0.002, value_name = "DICE")]
    pub max_loss: f64,
    /// Label map: a built-in name or a YAML file; by default the one the model was trained with
    #[arg(long, value_name = "NAME|FILE")]
    pub label_map: Option<String>,
    /// Replace an existing model package
    #[arg(long)]
    pub overwrite: bool,
}

/// Arguments of a pull.
#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// .dvc files, or the files and folders that they track [default: all .dvc files of the repository]
    #[arg(value_name = "FILE.dvc")]
    pub files: Vec<PathBuf>,
    /// Remote in .dvc/config, in place of the default one
    #[arg(long, short, value_name = "NAME")]
    pub remote: Option<String>,
    /// Number of simultaneous downloads
    #[arg(long, short, default_value_t = JOBS)]
    pub jobs: usize,
    /// Overwrite and remove changed files that are not in DVC's cache
    #[arg(long, short)]
    pub force: bool,
}

/// Formats that models are exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Network and parameters, for torch.jit.load
    Torchscript,
    /// Parameters with MONAI's names, for load_state_dict
    Safetensors,
    /// Network and parameters, for ONNX Runtime and OpenVINO
    Onnx,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_vertex_ai_are_overrides() {
        let arguments =
            ["bcs-trainer", "--train_hyp.learning_rate=0.01", "--cfg=job", "a.b=3", "--train_hyp.loss=a=b"];
        let rewritten = with_overrides(arguments.iter().map(OsString::from));
        let cli = Cli::try_parse_from(rewritten).unwrap();
        let expected = ["train_hyp.learning_rate=0.01", "a.b=3", "train_hyp.loss=a=b"];
        assert_eq!(cli.train.config.overrides, expected);
        assert_eq!(cli.train.cfg, Some(Cfg::Job));
    }
}
