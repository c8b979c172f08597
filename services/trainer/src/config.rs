//! The composed configuration as types, with the predecessor's groups and keys. What its files leave out has the
//! default given here.

use std::path::PathBuf;

use anyhow::Result;
use bcs_config::{Composer, Composition, Interpolator, Value};
use bcs_contracts::package::Architecture;
use bcs_data::split::By;
use bcs_data::transforms::Augmentation;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tempfile::TempDir;

use crate::cli::ConfigArguments;
use crate::error::usage;

/// Where configurations are looked for, after `--config-dir`: where the containers mount them, then the tree's.
const SEARCH_PATH: [&str; 2] = ["/config/hydra", "config/hydra"];

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// How is trained.
    pub train_hyp: TrainHyp,
    /// What is trained.
    pub model_hyp: ModelHyp,
    /// On what is trained.
    pub data: DataConfig,
    /// What happens to a tile before the network sees it.
    pub augmentation: Augmentation,
    /// The predecessor's drift script; kept, not read.
    pub evidently: Map<String, serde_json::Value>,
    /// The predecessor's prediction script; kept, not read.
    pub predict_hyp: Map<String, serde_json::Value>,
    /// The predecessor's tests; kept, not read.
    pub unittest: Map<String, serde_json::Value>,
}

/// How is trained.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainHyp {
    /// Times that all tiles are seen.
    pub max_epochs: usize,
    /// A share of the batches of an epoch (as 0.5; 1.0 is all) or their number (as 3).
    pub limit_train_batches: Option<Limit>,
    /// At the start.
    pub learning_rate: f64,
    /// How it goes down.
    pub scheduler: Scheduler,
    /// `Adam` or `AdamW`.
    pub optimizer: Optimizer,
    /// The optimiser's own where there is none.
    pub weight_decay: Option<f64>,
    /// `DiceCE`, `DiceFocal` or `Focal`.
    pub loss: String,
    /// A factor for each class.
    pub class_weights: Option<Vec<f64>>,
    /// What all random choices follow from.
    pub seed: i64,
    /// `cpu`, `cuda`, `cuda:N` or `auto`.
    pub device: String,
    /// Tiles in a step.
    pub training_batch_size: usize,
    /// Threads that decode and augment.
    pub training_num_workers: usize,
    /// Windows that run together in validation.
    pub validation_batch_size: usize,
    /// Kept for the predecessor's files: validation tiles are decoded once, on all cores.
    pub validation_num_workers: usize,
    /// Folder of tiles to train on.
    pub train_img_location: PathBuf,
    /// Folder of their masks.
    pub train_mask_location: PathBuf,
    /// Folder of tiles to validate on.
    pub validation_img_location: PathBuf,
    /// Folder of their masks.
    pub validation_mask_location: PathBuf,
    /// Kept for the predecessor's files.
    pub test_location: Option<PathBuf>,
    /// Where runs put their models.
    pub model_repo_location: PathBuf,
    /// Kept for the predecessor's files; metrics are in `metrics.jsonl` of the run.
    pub wandb_enabled: bool,
    /// Prints where the time went.
    pub profiling: bool,
}

impl Default for TrainHyp {
    fn default() -> Self {
        Self {
            max_epochs: 20,
            limit_train_batches: Some(Limit::Share(1.0)),
            learning_rate: 2.5e-3,
            scheduler: Scheduler::Cosine,
            optimizer: Optimizer::AdamW,
            weight_decay: None,
            loss: "DiceCE".to_owned(),
            class_weights: None,
            seed: 0,
            device: "auto".to_owned(),
            training_batch_size: 4,
            training_num_workers: 1,
            validation_batch_size: 16,
            validation_num_workers: 1,
            train_img_location: "data/train".into(),
            train_mask_location: "data/train_mask".into(),
            validation_img_location: "data/val".into(),
            validation_mask_location: "data/val_mask".into(),
            test_location: None,
            model_repo_location: "models".into(),
            wandb_enabled: false,
            profiling: false,
        }
    }
}

/// A number of batches, as Lightning reads it: whole numbers count, others are shares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Limit {
    /// So many.
    Count(usize),
    /// This share, in (0, 1].
    Share(f64),
}

impl Limit {
    /// How many of `batches`, at least one.
    pub(crate) fn of(self, batches: usize) -> usize {
        match self {
            Self::Count(count) => count.min(batches),
            Self::Share(share) => ((batches as f64 * share) as usize).clamp(1, batches),
        }
    }
}

/// How the learning rate goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheduler {
    /// Along half a cosine to zero over the run.
    Cosine,
    /// Not at all.
    Constant,
}

/// How gradients become steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Optimizer {
    /// `torch.optim.Adam`
    Adam,
    /// `torch.optim.AdamW`
    AdamW,
}

/// What is trained, in the predecessor's words.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelHyp {
    /// MONAI's name of the network.
    pub model: String,
    /// 2.
    pub spatial_dims: i64,
    /// 3 for colour, 1 for grey.
    pub in_channels: i64,
    /// Classes.
    pub out_channels: i64,
    /// Of each level.
    pub channels: Vec<i64>,
    /// Of each level but the last.
    pub strides: Vec<serde_json::Value>,
    /// In each residual unit.
    pub num_res_units: usize,
    /// A number, or one for height and one for width.
    pub kernel_size: serde_json::Value,
    /// A number, or one for height and one for width.
    pub up_kernel_size: serde_json::Value,
    /// MONAI's `act`.
    pub activation: serde_json::Value,
    /// MONAI's `norm`.
    pub norm: serde_json::Value,
    /// MONAI's `adn_ordering`.
    pub adn_ordering: String,
    /// MONAI's `dropout`.
    pub dropout: serde_json::Value,
    /// MONAI's `bias`.
    pub bias: bool,
    /// Of FlexibleUNet.
    pub backbone: Option<String>,
}

impl Default for ModelHyp {
    fn default() -> Self {
        Self {
            model: "UNet".to_owned(),
            spatial_dims: 2,
            in_channels: 3,
            out_channels: 2,
            channels: vec![16, 32, 64, 128, 256],
            strides: vec![json!(2); 4],
            num_res_units: 2,
            kernel_size: json!(3),
            up_kernel_size: json!(3),
            activation: json!("PRELU"),
            norm: json!("INSTANCE"),
            adn_ordering: "NDA".to_owned(),
            dropout: json!(0.0),
            bias: true,
            backbone: None,
        }
    }
}

impl ModelHyp {
    /// The network by MONAI's name and arguments.
    pub(crate) fn architecture(&self) -> Architecture {
        let known = bcs_model::nets::NAMES.iter().find(|name| name.eq_ignore_ascii_case(&self.model));
        let arguments = json!({
            "spatial_dims": self.spatial_dims,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "channels": self.channels,
            "strides": self.strides,
            "kernel_size": self.kernel_size,
            "up_kernel_size": self.up_kernel_size,
            "num_res_units": self.num_res_units,
            "act": self.activation,
            "norm": self.norm,
            "dropout": self.dropout,
            "bias": self.bias,
            "adn_ordering": self.adn_ordering,
        });
        Architecture {
            name: known.map_or(self.model.as_str(), |name| name).to_owned(),
            arguments: arguments.as_object().cloned().unwrap_or_default(),
        }
    }
}

/// On what is trained.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataConfig {
    /// What the folders of `train_hyp` begin with, by interpolation.
    pub root: String,
    /// A name or a path.
    pub label_map: String,
    /// Who validates.
    pub split: By,
    /// Patients or institutes; by default the institutes that the authors of BCSS hold out.
    pub held_out: Vec<String>,
    /// Megabytes of decoded tiles that are kept in memory.
    pub cache_mb: u64,
    /// Micrometres a pixel, where the tiles' names do not say.
    pub mpp: Option<f64>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            root: "data".to_owned(),
            label_map: "bcss-tumor".to_owned(),
            split: By::Folder,
            held_out: Vec::new(),
            cache_mb: 4096,
            mpp: None,
        }
    }
}

/// A composed configuration.
#[derive(Debug, Clone)]
pub(crate) struct Composed {
    /// As types.
    pub config: Config,
    /// As YAML, interpolations resolved.
    pub yaml: String,
    /// What was said on the command line.
    pub overrides: Vec<String>,
}

/// The tree's configurations, built in so that the program works from any folder.
const BUILT_IN: [(&str, &str); 10] = [
    ("config_hydra.yaml", include_str!("../../../config/hydra/config_hydra.yaml")),
    (
        "train_hyp/train_hyp_default.yaml",
        include_str!("../../../config/hydra/train_hyp/train_hyp_default.yaml"),
    ),
    (
        "train_hyp/train_hyp_gcp_cpu.yaml",
        include_str!("../../../config/hydra/train_hyp/train_hyp_gcp_cpu.yaml"),
    ),
    (
        "train_hyp/train_hyp_gcp_gpu.yaml",
        include_str!("../../../config/hydra/train_hyp/train_hyp_gcp_gpu.yaml"),
    ),
    (
        "model_hyp/model_hyp_default.yaml",
        include_str!("../../../config/hydra/model_hyp/model_hyp_default.yaml"),
    ),
    ("data/data_default.yaml", include_str!("../../../config/hydra/data/data_default.yaml")),
    ("augmentation/he.yaml", include_str!("../../../config/hydra/augmentation/he.yaml")),
    ("augmentation/none.yaml", include_str!("../../../config/hydra/augmentation/none.yaml")),
    ("unittest/unittest_default.yaml", include_str!("../../../config/hydra/unittest/unittest_default.yaml")),
    (
        "evidently/evidently_default.yaml",
        include_str!("../../../config/hydra/evidently/evidently_default.yaml"),
    ),
];

/// Composes what the command line says.
pub(crate) struct Configurations {
    /// Over the folders that there are, the built-in configurations last.
    pub(crate) composer: Composer,
    /// Where the built-in ones lie while they are needed.
    _built_in: TempDir,
}

impl Configurations {
    /// The configurations that the command line leads to.
    pub(crate) fn find(arguments: &ConfigArguments) -> Result<Self> {
        if let Some(folder) = &arguments.config_dir
            && !folder.is_dir()
        {
            return Err(usage(format!("--config-dir {}: there is no such folder", folder.display())));
        }
        let built_in = unpack_built_in()?;
        let standing = SEARCH_PATH.iter().map(PathBuf::from).filter(|folder| folder.is_dir());
        let folders = arguments.config_dir.clone().into_iter().chain(standing);
        let schema = Value::from_serialize(&Config::default()).map_err(usage)?;
        let composer = Composer::new(folders.chain([built_in.path().to_owned()])).with_schema(schema);
        Ok(Self { composer, _built_in: built_in })
    }
}

fn unpack_built_in() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("bcs-trainer-config-").tempdir()?;
    for (name, text) in BUILT_IN {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(folder)
}

/// Resolves and checks a composition.
///
/// # Errors
/// [`crate::error::Usage`] naming the key and the file it came from.
pub(crate) fn typed(mut composition: Composition) -> Result<Composed> {
    for warning in &composition.warnings {
        eprintln!("bcs-trainer: {warning}");
    }
    Interpolator::from_process().resolve(&mut composition.value).map_err(usage)?;
    let missing = bcs_config::missing_keys(&composition.value);
    if !missing.is_empty() {
        return Err(usage(format!("no value for {}; give one as {}=…", missing.join(", "), missing[0])));
    }
    let config: Config = composition.value.decode().map_err(|error| match &error {
        bcs_config::Error::Convert { key, message } => {
            let source =
                composition.source_of(key).map(|origin| format!(" (from {origin})")).unwrap_or_default();
            usage(format!("{key}: {message}{source}"))
        }
        _ => usage(error),
    })?;
    check(&config)?;
    Ok(Composed { config, yaml: composition.value.to_yaml(), overrides: composition.overrides })
}

/// What no type can say.
fn check(config: &Config) -> Result<()> {
    let hyp = &config.train_hyp;
    let positive = [
        ("train_hyp.max_epochs", hyp.max_epochs),
        ("train_hyp.training_batch_size", hyp.training_batch_size),
        ("train_hyp.validation_batch_size", hyp.validation_batch_size),
    ];
    if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
        return Err(usage(format!("{key} is 0; it must be at least 1")));
    }
    if !(hyp.learning_rate > 0.0 && hyp.learning_rate.is_finite()) {
        return Err(usage(format!("train_hyp.learning_rate is {}; it must be above 0", hyp.learning_rate)));
    }
    match hyp.limit_train_batches {
        Some(Limit::Count(0)) => {
            return Err(usage("train_hyp.limit_train_batches is 0; leave it out for all"));
        }
        Some(Limit::Share(share)) if !(share > 0.0 && share <= 1.0) => {
            return Err(usage(format!("train_hyp.limit_train_batches is {share}; a share is in (0, 1]")));
        }
        _ => {}
    }
    if hyp.weight_decay.is_some_and(|decay| !(decay >= 0.0 && decay.is_finite())) {
        return Err(usage("train_hyp.weight_decay must be at least 0"));
    }
    let augmentation = &config.augmentation;
    let shares = [
        ("colour_scale", augmentation.colour_scale),
        ("colour_shift", augmentation.colour_shift),
        ("stain_scale", augmentation.stain_scale),
        ("stain_shift", augmentation.stain_shift),
    ];
    if let Some((key, value)) = shares.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
        return Err(usage(format!("augmentation.{key} is {value}; it must be in [0, 1]")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> ConfigArguments {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/hydra");
        ConfigArguments {
            config_dir: Some(folder),
            config_name: "config_hydra".to_owned(),
            overrides: vec![],
        }
    }

    fn compose(overrides: &[&str]) -> Result<Composed> {
        let arguments = tree();
        typed(
            Configurations::find(&arguments)?
                .composer
                .compose(&arguments.config_name, overrides)
                .map_err(usage)?,
        )
    }

    #[test]
    fn the_trees_own_configuration_is_that_of_the_types() {
        let composed = compose(&[]).unwrap();
        let defaults = Config::default();
        assert_eq!(
            serde_json::to_value(&composed.config.augmentation).unwrap(),
            serde_json::to_value(&defaults.augmentation).unwrap()
        );
        assert_eq!(composed.config.train_hyp.train_img_location, defaults.train_hyp.train_img_location);
        assert_eq!(
            serde_json::to_value(&composed.config.train_hyp).unwrap(),
            serde_json::to_value(&defaults.train_hyp).unwrap()
        );
        assert_eq!(composed.config.model_hyp.architecture(), defaults.model_hyp.architecture());
    }

    #[test]
    fn every_option_of_the_tree_composes() {
        let Configurations { composer, _built_in } = Configurations::find(&tree()).unwrap();
        for group in composer.groups() {
            for option in composer.options(&group) {
                compose(&[&format!("{group}={option}")])
                    .unwrap_or_else(|error| panic!("{group}={option}: {error}"));
            }
        }
    }

    #[test]
    fn every_file_of_the_tree_is_built_in() {
        let tree = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/hydra");
        let mut count = 0;
        for (name, text) in BUILT_IN {
            assert_eq!(fs::read_to_string(tree.join(name)).unwrap(), text, "{name}");
        }
        for group in fs::read_dir(&tree).unwrap().map(|entry| entry.unwrap().path()) {
            count += if group.is_dir() { fs::read_dir(group).unwrap().count() } else { 1 };
        }
        assert_eq!(count, BUILT_IN.len(), "a file of config/hydra is not built in");
    }

    #[test]
    fn the_root_moves_all_folders() {
        let composed = compose(&["data.root=/gcs/tiles", "train_hyp.limit_train_batches=3"]).unwrap();
        assert_eq!(composed.config.train_hyp.validation_mask_location, PathBuf::from("/gcs/tiles/val_mask"));
        assert_eq!(composed.config.train_hyp.limit_train_batches, Some(Limit::Count(3)));
        assert!(composed.yaml.contains("train_img_location: /gcs/tiles/train"), "{}", composed.yaml);
    }

    #[test]
    fn the_predecessors_files_load_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "config_hydra.yaml",
            "defaults:\n  - train_hyp: train_hyp_own\n  - model_hyp: model_hyp_own\n  - unittest: unittest_own\n  \
             - evidently: evidently_own\n",
        );
        write(
            "train_hyp/train_hyp_own.yaml",
            "max_epochs: 3\nlimit_train_batches: 0.5\nlearning_rate: 1e-4\ntraining_batch_size: 32\n\
             training_num_workers: 4\nvalidation_batch_size: 8\nvalidation_num_workers: 2\n\
             train_img_location: /gcs/raw/train\ntrain_mask_location: /gcs/raw/train_mask\n\
             validation_img_location: /gcs/raw/val\nvalidation_mask_location: /gcs/raw/val_mask\n\
             test_location: /gcs/raw/test\nwandb_enabled: True\nmodel_repo_location: /gcs/models\n\
             optimizer: Adam\nprofiling: False\nloss: DiceFocal\n",
        );
        write(
            "model_hyp/model_hyp_own.yaml",
            "spatial_dims: 2\nin_channels: 3\nout_channels: 2\nchannels: [8, 16, 32]\nstrides: [2, 2]\n\
             num_res_units: 1\ndropout: 0.1\nactivation: prelu\nkernel_size: 3\nup_kernel_size: 3\nmodel: unet\n\
             backbone: efficientnet-b0\n",
        );
        write("unittest/unittest_own.yaml", "image_count: 30760\npaths: [a, b]\n");
        write("evidently/evidently_own.yaml", "report_location: reports\n");
        let arguments = ConfigArguments { config_dir: Some(folder.path().to_owned()), ..tree() };
        let found = Configurations::find(&arguments).unwrap();
        let composition = found.composer.compose::<&str>("config_hydra", &[]).unwrap();
        let config = typed(composition).unwrap().config;
        assert_eq!((config.train_hyp.learning_rate, config.train_hyp.optimizer), (1e-4, Optimizer::Adam));
        assert_eq!(config.train_hyp.limit_train_batches, Some(Limit::Share(0.5)));
        let architecture = config.model_hyp.architecture();
        assert_eq!((architecture.name.as_str(), &architecture.arguments["dropout"]), ("UNet", &json!(0.1)));
        bcs_model::nets::Network::new(&architecture.name, &architecture.arguments, tch::Device::Cpu).unwrap();
        assert_eq!(config.unittest["image_count"], 30760);
    }

    #[test]
    fn what_cannot_work_is_named_by_its_key() {
        let cases = [
            ("train_hyp.max_epoch=3", "max_epochs"),
            ("train_hyp.max_epochs=many", "train_hyp.max_epochs"),
            ("train_hyp.max_epochs=0", "at least 1"),
            ("train_hyp.optimizer=SGDX", "AdamW"),
            ("train_hyp.limit_train_batches=1.5", "(0, 1]"),
            ("train_hyp.learning_rate=-1", "above 0"),
            ("train_hyp=gpu", "train_hyp_gcp_gpu"),
            ("+train_hyp.momentum=0.9", "momentum"),
            ("augmentation.stain_scale=2", "[0, 1]"),
            ("train_hyp.seed=???", "train_hyp.seed"),
        ];
        for (overridden, expected) in cases {
            let error = compose(&[overridden]).unwrap_err();
            assert!(error.to_string().contains(expected), "{overridden}: {error}");
            assert!(error.is::<crate::error::Usage>());
        }
    }

    #[test]
    fn limits_are_lightnings() {
        assert_eq!(Limit::Share(1.0).of(10), 10);
        assert_eq!(Limit::Share(0.25).of(10), 2);
        assert_eq!(Limit::Share(0.01).of(10), 1);
        assert_eq!(Limit::Count(1).of(10), 1);
        assert_eq!(Limit::Count(99).of(10), 10);
    }
}
