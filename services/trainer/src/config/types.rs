//! The composed configuration as types, with the predecessor's groups and keys. The types only check: values come from
//! config files and overrides, and their defaults from the built-in files.

use std::path::PathBuf;
use std::time::Duration;

use bcs_data::split::By;
use bcs_data::transforms::Augmentation;
use bcs_model::losses::WeightMode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::sweep::settings::Settings;

/// The composed configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Training hyperparameters, data folders and run-time settings.
    pub train_hyp: TrainHyp,
    /// Network and its arguments; see [`bcs_model::nets::architecture`].
    pub model_hyp: Map<String, Value>,
    /// Data set and split.
    pub data: DataConfig,
    /// Augmentation of training tiles; `None` (`~augmentation`) for no augmentation.
    pub augmentation: Option<Augmentation>,
    /// Settings of a sweep; `None` in the configuration of a run.
    #[serde(default)]
    pub sweep: Option<Settings>,
    /// Settings of the predecessor's drift script; not read.
    #[serde(default, rename = "evidently")]
    pub _evidently: Map<String, Value>,
    /// Settings of the predecessor's prediction script; not read.
    #[serde(default, rename = "predict_hyp")]
    pub _predict_hyp: Map<String, Value>,
    /// Settings of the predecessor's tests; not read.
    #[serde(default, rename = "unittest")]
    pub _unittest: Map<String, Value>,
}

/// Training hyperparameters, data folders and run-time settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainHyp {
    /// Number of training epochs.
    pub max_epochs: usize,
    /// Number of batches per epoch; `None` for all.
    pub limit_train_batches: Option<Limit>,
    /// Initial learning rate.
    pub learning_rate: f64,
    /// Name of the learning rate schedule; see [`bcs_model::optim::Schedule`].
    pub scheduler: String,
    /// Arguments of the schedule by PyTorch's names.
    pub scheduler_arguments: Map<String, Value>,
    /// Number of steps in which the learning rate grows to its initial value.
    pub warmup_steps: usize,
    /// Name of the optimizer; see [`bcs_model::optim::Algorithm`].
    pub optimizer: String,
    /// Arguments of the optimizer by PyTorch's names.
    pub optimizer_arguments: Map<String, Value>,
    /// Weight decay; `None` for PyTorch's default of the optimizer.
    pub weight_decay: Option<f64>,
    /// Name of the loss; see [`bcs_model::losses::build`].
    pub loss: String,
    /// Arguments of the loss by MONAI's names.
    pub loss_arguments: Map<String, Value>,
    /// Weights of the outputs of a network with deep supervision.
    pub deep_supervision: DeepSupervision,
    /// Weights of the classes; `None` for equal weights.
    pub class_weights: Option<ClassWeights>,
    /// Model package or file of parameters that the run starts from; `None` for newly initialized ones.
    pub initial_weights: Option<PathBuf>,
    /// Parameters that are not trained, by the beginning of their names.
    pub freeze: Vec<String>,
    /// Maximum number of optimization steps; `None` for `max_epochs` alone.
    pub max_steps: Option<usize>,
    /// Time after which training ends, as `DD:HH:MM:SS`; `None` for no limit.
    pub max_time: Option<MaxTime>,
    /// Number of epochs without a better score after which training ends; `None` for no early stopping.
    pub early_stopping_patience: Option<usize>,
    /// Least improvement of the score that counts for early stopping.
    pub early_stopping_min_delta: f64,
    /// Largest norm or value of the gradient; `None` for no clipping.
    pub gradient_clip_val: Option<f64>,
    /// What `gradient_clip_val` limits.
    pub gradient_clip_algorithm: ClipAlgorithm,
    /// Number of batches whose gradients are averaged for a step.
    pub accumulate_grad_batches: usize,
    /// Decay of the exponential moving average of the parameters, which is then validated and saved as the model; `None` for
    /// the parameters themselves.
    pub ema_decay: Option<f64>,
    /// Element type of the network in training.
    pub precision: Precision,
    /// Where the run goes on: `auto`, a run folder or a checkpoint; `None` for a new run.
    pub resume: Option<String>,
    /// Which checkpoints are kept.
    pub checkpoint: CheckpointConfig,
    /// Training in several processes.
    pub distributed: DistributedConfig,
    /// Seed of initialization, order of the tiles and augmentation.
    pub seed: i64,
    /// `cpu`, `cuda`, `cuda:N` or `auto`.
    pub device: String,
    /// Number of tiles in a training batch.
    pub training_batch_size: usize,
    /// Number of threads that decode and augment training tiles.
    pub training_num_workers: usize,
    /// Number of tiles in a validation batch.
    pub validation_batch_size: usize,
    /// Number of threads that decode validation tiles.
    pub validation_num_workers: usize,
    /// Folder of the training images.
    pub train_img_location: PathBuf,
    /// Folder of the training masks.
    pub train_mask_location: PathBuf,
    /// Folder of the validation images.
    pub validation_img_location: PathBuf,
    /// Folder of the validation masks.
    pub validation_mask_location: PathBuf,
    /// Not read; kept for configurations of the predecessor.
    #[serde(rename = "test_location")]
    pub _test_location: Option<PathBuf>,
    /// Model repository: each run creates a folder in it.
    pub model_repo_location: PathBuf,
    /// Number of steps between two whose loss is tracked.
    pub log_every_n_steps: usize,
    /// Whether to write TensorBoard event files.
    pub tensorboard: bool,
    /// Whether to write an offline run of Weights & Biases.
    pub wandb_enabled: bool,
    /// Whether to print where the time went, and to write a trace.
    pub profiling: bool,
}

/// Weights of the outputs of a network with deep supervision; see [`bcs_model::losses::DeepSupervisionLoss`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeepSupervision {
    /// Weights by MONAI's names.
    pub weight_mode: WeightMode,
    /// One weight per output, the main one first; `None` for those of `weight_mode`.
    pub weights: Option<Vec<f64>>,
}

/// A number of batches, as Lightning reads it: whole numbers are counts, others fractions.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged, expecting = "must be a number of batches, as 3, or a fraction of them, as 0.5")]
pub(crate) enum Limit {
    /// This many batches.
    Count(usize),
    /// This fraction of all batches, in (0, 1].
    Fraction(f64),
}

impl Limit {
    /// Number of batches out of `batches`, at least one.
    pub(crate) fn of(self, batches: usize) -> usize {
        match self {
            Self::Count(count) => count.min(batches),
            Self::Fraction(fraction) => ((batches as f64 * fraction) as usize).clamp(1, batches),
        }
    }
}

/// Weights of the classes in the loss.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "must be one weight per class, as [1.4, 3.4], or balanced")]
pub(crate) enum ClassWeights {
    /// One weight per class.
    Values(Vec<f64>),
    /// Weights from the training masks.
    Named(NamedWeights),
}

/// Rules for weights of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NamedWeights {
    /// Inversely proportional to the number of pixels of the class, as scikit-learn's `balanced`.
    Balanced,
}

/// What is limited when gradients are clipped, by Lightning's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClipAlgorithm {
    /// The norm of the gradient of all parameters.
    Norm,
    /// Each value of the gradient.
    Value,
}

/// Element type of the network in training, by Lightning's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Precision {
    /// float32
    #[serde(rename = "32-true", alias = "32")]
    Float32,
    /// bfloat16 with parameters and losses in float32.
    #[serde(rename = "bf16-mixed")]
    Bf16Mixed,
}

/// Which checkpoints are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointConfig {
    /// Number of steps between two checkpoints within an epoch; `None` for one after every epoch only.
    pub every_n_train_steps: Option<usize>,
    /// Number of newest checkpoints, from which a run can go on.
    pub keep_last: usize,
    /// Number of best models.
    pub save_top_k: usize,
}

/// Training in several processes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DistributedConfig {
    /// What `training_batch_size` is the batch size of.
    pub batch_size: BatchSize,
    /// How the learning rate follows the number of processes.
    pub learning_rate: LearningRate,
    /// What sums gradients over the processes.
    pub backend: Backend,
    /// Size of the buckets in which gradients are sent, in megabytes.
    pub bucket_mb: f64,
    /// Time within which all processes must join, and each of them must take part in a step, in seconds.
    pub timeout_seconds: u64,
}

/// What a batch size is that of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BatchSize {
    /// Each process, as in Lightning.
    Process,
    /// All processes together.
    Global,
}

/// Factor of the learning rate, by that of the batch size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LearningRate {
    /// 1, as in Lightning.
    Fixed,
    /// That of the batch size.
    Linear,
    /// Its square root.
    Sqrt,
}

/// Library of collectives, by PyTorch's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backend {
    /// NCCL if all processes train on GPUs, else Gloo.
    Auto,
    /// Through the memory of the hosts.
    Gloo,
    /// From GPU to GPU.
    Nccl,
}

/// A time as Lightning writes it, `DD:HH:MM:SS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MaxTime(pub Duration);

impl TryFrom<String> for MaxTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let invalid = || format!("'{text}' is no time; write it as DD:HH:MM:SS, as 00:12:00:00");
        let fields: Vec<u64> =
            text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| invalid())?;
        match fields[..] {
            [days, hours @ 0..24, minutes @ 0..60, seconds @ 0..60] if days < 100_000 => {
                Ok(Self(Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds)))
            }
            _ => Err(invalid()),
        }
    }
}

/// Data set and split.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// Folder that the data folders of `train_hyp` are in, by interpolation.
    #[serde(rename = "root")]
    pub _root: String,
    /// Name of a built-in label map, or path of a YAML file.
    pub label_map: String,
    /// Folder or bucket of shards with the training tiles, which stream; `None` for the files of `train_hyp`.
    pub train_shards: Option<PathBuf>,
    /// How shards stream.
    pub stream: StreamConfig,
    /// Unit of the train/validation split.
    pub split: By,
    /// Held-out patients or institutes; if empty, the institutes that the authors of BCSS hold out.
    pub held_out: Vec<String>,
    /// Memory for decoded tiles, in megabytes.
    pub cache_mb: u64,
    /// Resolution of the tiles in µm/px, if their file names do not state it.
    pub mpp: Option<f64>,
}

/// How shards stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamConfig {
    /// Number of tiles that are shuffled together.
    pub buffer: usize,
    /// Memory for shards that are read ahead, in megabytes.
    pub memory_mb: u64,
    /// What happens when a tile is damaged.
    pub on_damage: OnDamage,
}

/// What happens when a tile is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnDamage {
    /// The run ends.
    Stop,
    /// It is named, and another tile of its batch takes its place.
    Skip,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_lightning() {
        assert_eq!(Limit::Fraction(1.0).of(10), 10);
        assert_eq!(Limit::Fraction(0.25).of(10), 2);
        assert_eq!(Limit::Fraction(0.01).of(10), 1);
        assert_eq!(Limit::Count(1).of(10), 1);
        assert_eq!(Limit::Count(99).of(10), 10);
    }

    #[test]
    fn times_are_those_of_lightning() {
        let parse = |text: &str| MaxTime::try_from(text.to_owned());
        assert_eq!(parse("01:02:03:04"), Ok(MaxTime(Duration::from_secs(93_784))));
        for text in ["", "1", "12:00:00", "00:24:00:00", "00:00:00:60", "0:0:0:-1"] {
            assert!(parse(text).unwrap_err().contains("DD:HH:MM:SS"), "{text}");
        }
    }
}
