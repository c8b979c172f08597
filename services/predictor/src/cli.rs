//! Command-line arguments. Without a subcommand the server starts.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use bcs_contracts::origin::{self, InvalidIdentifier};
use bcs_imaging::windows::BlendMode;
use bcs_inference::{EngineKind, Padding, SlidingWindow, TestTimeAugmentation};
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
    /// Segment an image, or all images in a folder or bucket
    Predict(Box<PredictArguments>),
    /// Exit with 0 if the server on this machine is ready, for health checks of containers
    Healthcheck(ServeArguments),
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
    /// Model package (folder), TorchScript file (.pt), or .safetensors file with metadata.json beside it; a path or a
    /// gs:// URI
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Image, or folder or bucket of images (PNG, JPEG, TIFF, WebP, BMP). As a task of a Cloud Run job
    /// (CLOUD_RUN_TASK_INDEX of CLOUD_RUN_TASK_COUNT), only its share of them is segmented
    #[arg(long, value_name = "FILE|DIR|gs://…")]
    pub input: String,
    /// Output folder or bucket for NAME_mask.png, NAME_overlay.png and NAME.json of each image
    #[arg(long, value_name = "DIR|gs://…")]
    pub output: String,
    /// Leave out the images that this version of the model has segmented before; always in a Cloud Run job
    #[arg(long)]
    pub resume: bool,
    /// Site or scanner of the images, for their records
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    pub source: Option<String>,
    /// Patient or slide of the images, for their records [default: the patient in a TCGA-like file name]
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    pub case: Option<String>,
    /// Also write the network output before softmax, as the tensor `logits` [1, C, H, W]; for a single image. An image
    /// of at most 1024×1024 pixels is run in one piece if the network takes its size and no window option is given. With
    /// --tta: the logarithm of the mean probability, whose softmax is the mean
    #[arg(long, value_name = "FILE.safetensors")]
    pub logits: Option<PathBuf>,
    /// Device: cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Engine: libtorch, openvino, or auto for the faster one
    #[arg(long, default_value_t = EngineKind::Auto)]
    pub engine: EngineKind,
    /// Sliding window.
    #[command(flatten)]
    pub window: WindowArguments,
}

/// Arguments of the sliding window, by MONAI's names; those that are not given have the defaults of [`SlidingWindow`].
/// Two values are for height and width.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Sliding window (two values: height,width)")]
pub struct WindowArguments {
    /// Size of the window in pixels [default: the model's tile]
    #[arg(long, value_name = "PIXELS", value_parser = per_axis::<usize>)]
    pub roi_size: Option<[usize; 2]>,
    /// Overlap of neighbouring windows as a fraction of the window, at least 0 and less than 1 [default: 0.25]
    #[arg(long, value_name = "FRACTION", value_parser = per_axis::<f64>)]
    pub overlap: Option<[f64; 2]>,
    /// Weights of overlapping windows: constant or gaussian [default: gaussian]
    #[arg(long, value_name = "MODE")]
    pub mode: Option<BlendMode>,
    /// Standard deviation of Gaussian weights as a fraction of the window [default: 0.125]
    #[arg(long, value_name = "FRACTION", value_parser = per_axis::<f64>)]
    pub sigma_scale: Option<[f64; 2]>,
    /// Padding of images smaller than the window: fit (the window shrinks to the image), or MONAI's constant, reflect,
    /// replicate or circular around the image; constant=VALUE for a value other than 0 of the network's input
    /// [default: fit]
    #[arg(long, value_name = "PADDING")]
    pub padding: Option<Padding>,
    /// Number of windows per forward pass [default: 4]
    #[arg(long, value_name = "COUNT")]
    pub batch: Option<NonZeroUsize>,
    /// Test-time augmentation, the mean probability over several views: none, flips (4 views) or flips-rotations (8
    /// views) [default: none]
    #[arg(long, value_name = "VIEWS")]
    pub tta: Option<TestTimeAugmentation>,
}

impl From<&WindowArguments> for SlidingWindow {
    fn from(arguments: &WindowArguments) -> Self {
        let default = Self::default();
        Self {
            roi: arguments.roi_size.or(default.roi),
            overlap: arguments.overlap.unwrap_or(default.overlap),
            mode: arguments.mode.unwrap_or(default.mode),
            sigma_scale: arguments.sigma_scale.unwrap_or(default.sigma_scale),
            padding: arguments.padding.unwrap_or(default.padding),
            batch: arguments.batch.map_or(default.batch, NonZeroUsize::get),
            tta: arguments.tta.unwrap_or(default.tta),
        }
    }
}

/// Parses one value for both axes, or two separated by a comma.
fn per_axis<T: FromStr<Err: Display> + Copy>(text: &str) -> Result<[T; 2], String> {
    let parse = |part: &str| part.trim().parse::<T>().map_err(|error| format!("'{part}': {error}"));
    match text.split_once(',') {
        Some((height, width)) => Ok([parse(height)?, parse(width)?]),
        None => parse(text).map(|value| [value; 2]),
    }
}

fn identifier(text: &str) -> Result<String, InvalidIdentifier> {
    origin::check(text).map(|()| text.to_owned())
}
