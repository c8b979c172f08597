//! A training run from pre-flight checks to model package.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bcs_contracts::package::{FORMAT_VERSION, InputSpec, PackageMetadata, Scaling};
use bcs_contracts::{DriftReference, FeatureTable};
use bcs_data::LabelMap;
use bcs_data::loader::{Loader, LoaderOptions};
use bcs_data::transforms::Augmentation;
use bcs_inference::Engine;
use bcs_inference::libtorch::NetworkEngine;
use bcs_model::losses::DeepSupervisionLoss;
use bcs_model::metrics::ValMetric;
use bcs_model::nets::Network;
use bcs_model::weights::{self, Loaded};
use bcs_model::{device, losses};
use fs_err as fs;
use serde_json::json;
use tch::Device;

use super::checkpoint::{Checkpoints, Snapshot};
use super::dataset::Dataset;
use super::initial_weights::InitialWeights;
use super::preflight;
use super::reference::{image_features, push_model_features};
use super::step::{EpochStatistics, Stepper};
use super::validate::{Batching, Scores, segment, validate};
use crate::config::{Composed, DeepSupervision};
use crate::error::{Error, Result};
use crate::output::progress::Progress;
use crate::output::sheet::{Example, evenly_spaced, sheet};
use crate::output::{loaded, table};
use crate::provenance::provenance;

/// Number of validation tiles in the picture, as many as the predecessor showed.
const EXAMPLES: usize = 5;

/// Intensity scaling of the input, as the predecessor's.
const SCALING: Scaling = Scaling::UnitRange;

/// A run that has passed the pre-flight checks. Nothing has been written yet.
pub(crate) struct Run<'a> {
    composed: &'a Composed,
    map: LabelMap,
    dataset: Dataset,
    loader: Loader,
    loss: Rc<DeepSupervisionLoss>,
    metric: ValMetric,
    metadata: PackageMetadata,
    engine: NetworkEngine,
    loaded: Option<Loaded>,
}

impl<'a> Run<'a> {
    /// Loads the tiles, makes the pre-flight checks and initializes the network.
    ///
    /// # Errors
    /// [`Error::Usage`] and other errors of type configuration; [`Error::Data`] and [`Error::Tiles`] for tiles that cannot
    /// be used; [`Error::DryRun`].
    pub(crate) fn prepare(composed: &'a Composed) -> Result<Self> {
        let config = &composed.config;
        let hyp = &config.train_hyp;
        if hyp.wandb_enabled {
            eprintln!(
                "bcs-trainer: warning: train_hyp.wandb_enabled: Weights & Biases is not supported; metrics are written to \
                 metrics.jsonl"
            );
        }
        let device = device::parse(&hyp.device)?;
        let map = LabelMap::load(&config.data.label_map, "data.label_map")?;
        let weights = hyp.class_weights.as_deref();
        let loss = losses::build(&hyp.loss, &hyp.loss_arguments, weights, map.ignores())?;
        let DeepSupervision { weight_mode, weights } = hyp.deep_supervision.clone();
        let loss = Rc::new(DeepSupervisionLoss::new(loss, weight_mode, weights));
        let initial = hyp.initial_weights.as_deref().map(InitialWeights::read).transpose()?;
        let trial = network(composed, device)?;
        initial.as_ref().map(|weights| weights.copy_into(&trial)).transpose()?;
        preflight::check_configuration(config, &map, &trial)?;
        let dataset = Dataset::load(config, &map)?;
        let loader = loader(composed, &dataset)?;
        let metric = preflight::check_tiles(composed, &dataset, &map, &trial)?;
        preflight::dry_run(hyp, &trial, Rc::clone(&loss), &SCALING, &dataset)?;
        drop(trial);
        // Seeds again, so that the checks leave no trace in the model.
        let network = network(composed, device)?;
        let loaded = initial.map(|weights| weights.copy_into(&network)).transpose()?;
        let metadata = metadata(composed, &map, &dataset);
        let engine = NetworkEngine::from_parts(network, metadata.clone(), String::new());
        preflight::check_min_size(&dataset.validation, engine.info().min_size)?;
        Ok(Self { composed, map, dataset, loader, loss, metric, metadata, engine, loaded })
    }

    /// Trains, and returns the folder of the model package. `output` is the folder of log and picture.
    ///
    /// # Errors
    /// [`Error::Diverged`]; errors of files and libtorch.
    pub(crate) fn execute(mut self, output: &Path) -> Result<PathBuf> {
        let hyp = &self.composed.config.train_hyp;
        let mut checkpoints =
            Checkpoints::create(&hyp.model_repo_location, self.metadata.clone(), self.composed.yaml.clone())?;
        let mut log = fs::File::create(output.join("metrics.jsonl"))?;
        self.announce(checkpoints.folder());
        let mut stepper = Stepper::new(hyp, self.engine.network(), Rc::clone(&self.loss), SCALING)?;
        let mut best: Option<Snapshot> = None;
        for epoch in 0..hyp.max_epochs {
            let start = Instant::now();
            let statistics = stepper.epoch(self.engine.network(), &self.loader, hyp, epoch)?;
            let seconds = start.elapsed().as_secs_f64();
            let start = Instant::now();
            let scores = self.validate(epoch)?;
            stepper.profile.add("validate", start.elapsed());
            let improved =
                self.metric.improves(scores.val_metric, best.as_ref().map(|best| best.scores.val_metric));
            report(&mut log, epoch, &statistics, seconds, &scores, improved)?;
            let start = Instant::now();
            let last = Snapshot::new(self.engine.network(), scores, epoch)?;
            checkpoints.save_last(&last)?;
            if improved {
                checkpoints.save_best(best.insert(last))?;
            }
            stepper.profile.add("save", start.elapsed());
        }
        if hyp.profiling {
            println!("\n{}", stepper.profile.report());
        }
        let best =
            best.ok_or_else(|| Error::Usage("train_hyp.max_epochs is 0; it must be at least 1".to_owned()))?;
        self.finish(&best, &checkpoints, output)
    }

    fn announce(&self, folder: &Path) {
        let config = &self.composed.config;
        let network = self.engine.network();
        println!(
            "{} with {:.2} M parameters on {:?}, {} on {} ({} of the train tiles and {} of the val tiles in memory)\n",
            self.composed.architecture.name,
            network.parameters() as f64 / 1e6,
            network.device(),
            config.train_hyp.loss,
            self.map.name(),
            self.dataset.train.cached(),
            self.dataset.validation.cached(),
        );
        println!("{}\n", self.dataset.describe(&self.map));
        println!("val_metric  pooled Dice, {}", table::counted(&self.metric, &self.map));
        if let (Some(path), Some(copied)) = (&config.train_hyp.initial_weights, &self.loaded) {
            println!("initial     {} from {}", loaded::describe(network, copied), path.display());
        }
        println!("run         {}\n", folder.display());
    }

    fn validate(&mut self, epoch: usize) -> Result<Scores> {
        let tiles = &self.dataset.validation;
        let progress = Progress::silent_in_logs(format!("Epoch {epoch:02} validating"), tiles.len(), "tiles");
        let batching = batching(self.composed);
        validate(&mut self.engine, tiles, &self.map, &self.metric, batching, &progress, |_, _, _| Ok(()))
    }

    /// Makes the package of the best model: its weights, the drift reference and a picture.
    fn finish(mut self, best: &Snapshot, checkpoints: &Checkpoints, output: &Path) -> Result<PathBuf> {
        let state = weights::read_safetensors(&best.weights, "the best weights")?;
        weights::load_state(self.engine.network(), state, weights::Load::Strict)?;
        let (reference, examples) = self.reference(&checkpoints.version(best))?;
        let package = checkpoints.save_package(best, &reference)?;
        let picture = output.join("validation.png");
        sheet(&examples, self.map.classes(), self.map.background())?.save(&picture)?;
        println!(
            "\nBest epoch: {:02}, on {} validation tiles:\n\n{}\n",
            best.epoch,
            best.scores.images,
            table::scores(&best.scores.classes)
        );
        println!(
            "val_metric  {:.4}  (pooled Dice, {})",
            best.scores.val_metric,
            table::counted(&self.metric, &self.map)
        );
        println!("package     {}", package.display());
        println!("picture     {}  (tile, truth, prediction)", picture.display());
        Ok(package)
    }

    /// Measures the drift reference, and collects examples from the same pass over the validation tiles.
    fn reference(&mut self, version: &str) -> Result<(DriftReference, Vec<Example>)> {
        let window = self.engine.info().tile.map(|side| side as u32);
        let image = image_features(&self.dataset.train, window)?;
        let tiles = Arc::clone(&self.dataset.validation);
        let shown = evenly_spaced(EXAMPLES, tiles.len());
        let (mut model, mut examples) = (FeatureTable::default(), Vec::new());
        let all: Vec<usize> = (0..tiles.len()).collect();
        let classes = self.map.classes();
        segment(&mut self.engine, &tiles, &all, batching(self.composed), |index, tile, segmentation| {
            push_model_features(&mut model, tiles.case(index), segmentation, classes);
            if shown.contains(&index) {
                examples.push(Example::new(&tile.to_image(), &tile.to_mask(), &segmentation.mask));
            }
            Ok(())
        })?;
        Ok((bcs_drift::reference::build(version, image, model)?, examples))
    }
}

/// Seeds the random generator of libtorch and initializes the network.
fn network(composed: &Composed, device: Device) -> Result<Network> {
    tch::manual_seed(composed.config.train_hyp.seed);
    Ok(Network::new(&composed.architecture.name, &composed.architecture.arguments, device)?)
}

fn loader(composed: &Composed, dataset: &Dataset) -> Result<Loader> {
    let hyp = &composed.config.train_hyp;
    let options = LoaderOptions {
        batch_size: hyp.training_batch_size,
        workers: hyp.training_num_workers,
        seed: hyp.seed.cast_unsigned(),
        augmentation: composed.config.augmentation.clone().unwrap_or_else(Augmentation::none),
    };
    Ok(Loader::new(Arc::clone(&dataset.train), options)?)
}

fn batching(composed: &Composed) -> Batching {
    let hyp = &composed.config.train_hyp;
    Batching { tiles: hyp.validation_batch_size, workers: hyp.validation_num_workers }
}

/// Description that all packages of the run share; checkpoints add version and scores.
fn metadata(composed: &Composed, map: &LabelMap, dataset: &Dataset) -> PackageMetadata {
    PackageMetadata {
        format_version: FORMAT_VERSION,
        version: String::new(),
        architecture: composed.architecture.clone(),
        classes: map.classes().to_vec(),
        input: InputSpec {
            scaling: SCALING,
            mpp: dataset.mpp,
            tile: dataset.train.size(0).map(|side| u32::try_from(side).unwrap_or(u32::MAX)),
        },
        labels: Some(map.to_package()),
        validation: None,
        files: std::collections::BTreeMap::new(),
        provenance: provenance(&composed.yaml, Some(composed.config.train_hyp.seed)),
    }
}

/// Prints a line about an epoch, and writes one to the log as JSON.
fn report(
    log: &mut impl std::io::Write,
    epoch: usize,
    statistics: &EpochStatistics,
    seconds: f64,
    scores: &Scores,
    improved: bool,
) -> Result<()> {
    let rate = statistics.tiles as f64 / seconds;
    println!(
        "epoch {epoch:02}  loss {:.4}  val_metric {:.4}{}  {rate:.1} img/s",
        statistics.loss,
        scores.val_metric,
        if improved { " best" } else { "     " },
    );
    let dice: serde_json::Map<_, _> =
        scores.classes.iter().map(|class| (class.name.clone(), json!(class.dice))).collect();
    let line = json!({
        "epoch": epoch, "loss": statistics.loss, "learning_rate": statistics.learning_rate,
        "val_metric": scores.val_metric, "val_dice": dice, "images_per_second": rate,
    });
    writeln!(log, "{line}")?;
    Ok(log.flush()?)
}
