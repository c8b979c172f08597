//! The composed configuration as types, with the predecessor's groups and keys. The types only check: values come from
//! config files and overrides, and their defaults from the built-in files.

use std::path::PathBuf;

use bcs_data::split::By;
use bcs_data::transforms::Augmentation;
use bcs_model::losses::WeightMode;
use serde::Deserialize;
use serde_json::{Map, Value};

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
    /// Learning rate schedule.
    pub scheduler: Scheduler,
    /// Optimizer.
    pub optimizer: Optimizer,
    /// Weight decay; `None` for PyTorch's default of the optimizer.
    pub weight_decay: Option<f64>,
    /// Name of the loss; see [`bcs_model::losses::build`].
    pub loss: String,
    /// Arguments of the loss by MONAI's names.
    pub loss_arguments: Map<String, Value>,
    /// Weights of the outputs of a network with deep supervision.
    pub deep_supervision: DeepSupervision,
    /// One weight per class; `None` for equal weights.
    pub class_weights: Option<Vec<f64>>,
    /// Model package or file of parameters that the run starts from; `None` for newly initialized ones.
    pub initial_weights: Option<PathBuf>,
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
    /// Whether to log to Weights & Biases, which is not supported.
    pub wandb_enabled: bool,
    /// Whether to print where the time went.
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

/// Learning rate schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheduler {
    /// Annealed to zero along half a cosine over the run.
    Cosine,
    /// Constant.
    Constant,
}

/// Optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Optimizer {
    /// `torch.optim.Adam`
    Adam,
    /// `torch.optim.AdamW`
    AdamW,
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
    /// Unit of the train/validation split.
    pub split: By,
    /// Held-out patients or institutes; if empty, the institutes that the authors of BCSS hold out.
    pub held_out: Vec<String>,
    /// Memory for decoded tiles, in megabytes.
    pub cache_mb: u64,
    /// Resolution of the tiles in µm/px, if their file names do not state it.
    pub mpp: Option<f64>,
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
}
