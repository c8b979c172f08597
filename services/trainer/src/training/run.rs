//! A training run from pre-flight checks to model package.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use bcs_contracts::package::{FORMAT_VERSION, InputSpec, PackageMetadata, Scaling};
use bcs_contracts::{DriftReference, FeatureTable};
use bcs_data::LabelMap;
use bcs_data::loader::{Loader, LoaderOptions};
use bcs_data::transforms::Augmentation;
use bcs_inference::Engine;
use bcs_inference::libtorch::NetworkEngine;
use bcs_model::losses;
use bcs_model::losses::DeepSupervisionLoss;
use bcs_model::metrics::ValMetric;
use bcs_model::nets::Network;
use bcs_model::optim::Schedule;
use bcs_model::weights::{self, Loaded};
use tch::Device;

use super::checkpoint::{Checkpoints, Snapshot};
use super::dataset::Dataset;
use super::feed::{self, Feed};
use super::initial_weights::InitialWeights;
use super::preflight;
use super::profile::Profile;
use super::reference::{LabelledAreas, image_features, push_model_features};
use super::repository::Repository;
use super::resume::Checkpoint;
use super::run_file::RunFile;
use super::signals::Signals;
use super::state::State;
use super::tracking::{self, Tracking};
use super::validate::{Batching, Scores, segment};
use super::writer::Writer;
use crate::config::{ClassWeights, Composed, DeepSupervision, NamedWeights};
use crate::distributed::World;
use crate::error::{Error, Result};
use crate::output::sheet::{Example, evenly_spaced, sheet};
use crate::output::{loaded, table};
use crate::provenance::provenance;
use crate::remote::vertex::Places;
use crate::report::run::BestModel;

/// Number of validation tiles in the picture, as many as the predecessor showed.
pub(super) const EXAMPLES: usize = 5;

/// Number of training tiles that the drift reference is measured on where tiles stream.
const STREAM_EXAMPLES: usize = 512;

/// Name of the trace in the output folder.
const TRACE_FILE: &str = "trace.json";

/// Intensity scaling of the input, as the predecessor's.
pub(super) const SCALING: Scaling = Scaling::UnitRange;

/// A run that has passed the pre-flight checks. Nothing has been written yet.
pub(crate) struct Run<'a> {
    pub(super) composed: &'a Composed,
    pub(super) map: LabelMap,
    pub(super) dataset: Dataset,
    pub(super) feed: Feed,
    pub(super) loss: Rc<DeepSupervisionLoss>,
    pub(super) schedule: Schedule,
    pub(super) metric: ValMetric,
    pub(super) metadata: PackageMetadata,
    pub(super) engine: NetworkEngine,
    pub(super) profile: Profile,
    loaded: Option<Loaded>,
    pub(super) checkpoint: Option<Checkpoint>,
    /// The best model on the validation tiles, once the run has finished.
    pub(super) best: Option<BestModel>,
    pub(super) repository: Rc<Repository>,
    /// This process among those that train together.
    pub(super) world: World,
}

impl<'a> Run<'a> {
    /// Loads the tiles, makes the pre-flight checks and initializes the network.
    ///
    /// # Errors
    /// [`Error::Usage`] and other errors of type configuration; [`Error::Data`] and [`Error::Tiles`] for tiles that cannot
    /// be used; [`Error::DryRun`]; [`Error::Distributed`] if a process has failed to do so.
    pub(crate) fn prepare(composed: &'a Composed, world: World) -> Result<Self> {
        let config = &composed.config;
        let hyp = &config.train_hyp;
        tracking::check(hyp)?;
        let device = world.device(&hyp.device)?;
        world.use_backend(hyp.distributed.backend, device)?;
        let schedule = Schedule::new(&hyp.scheduler, &hyp.scheduler_arguments)?;
        let map = LabelMap::load(&config.data.label_map, "data.label_map")?;
        let repository = Rc::new(Repository::open(hyp, Places::from_environment())?);
        // The others get it from the first process.
        let checkpoint = match hyp.resume.as_ref().filter(|_| world.is_first()) {
            Some(resume) => repository.find(resume, &composed.architecture)?,
            None => None,
        };
        let initial = hyp.initial_weights.as_deref().map(InitialWeights::read).transpose()?;
        let trial = network(composed, device)?;
        initial.as_ref().map(|weights| weights.copy_into(&trial)).transpose()?;
        preflight::check_configuration(config, &map, &trial)?;
        preflight::check_batch_size(hyp, &world)?;
        let augmentation = config.augmentation.clone().unwrap_or_else(Augmentation::none);
        let options = loader_options(composed, augmentation.clone(), &world);
        let local = world.local_size();
        let (dataset, feed) = match feed::stream(&config.data, &map, options.clone())? {
            Some(stream) => {
                let most = if world.is_first() { STREAM_EXAMPLES } else { 1 };
                (Dataset::of_stream(config, &map, local, (&stream, most))?, Feed::Shards(Box::new(stream)))
            }
            None => {
                let dataset = Dataset::load(config, &map, local)?;
                let loader = Loader::new(Arc::clone(&dataset.train), options)?;
                (dataset, Feed::Files(Box::new(loader)))
            }
        };
        let profile = Profile::new(hyp.profiling, device);
        let feed = if hyp.profiling { feed.observed_by(Arc::new(profile.clone())) } else { feed };
        let weights = class_weights(hyp.class_weights.as_ref(), dataset.train.class_pixels());
        let loss = losses::build(
            &hyp.loss,
            &hyp.loss_arguments,
            weights.as_deref(),
            map.ignores() || augmentation.ignores(),
        )?;
        let DeepSupervision { weight_mode, weights } = hyp.deep_supervision.clone();
        let loss = Rc::new(DeepSupervisionLoss::new(loss, weight_mode, weights));
        let metric = preflight::check_tiles(composed, &dataset, &feed, &map, &trial)?;
        preflight::dry_run(composed, &trial, Rc::clone(&loss), &SCALING, &dataset, &feed)?;
        drop(trial);
        // Seeds again, so that the checks leave no trace in the model.
        let network = network(composed, device)?;
        let loaded = initial.map(|weights| weights.copy_into(&network)).transpose()?;
        let metadata = metadata(composed, &map, &dataset, &feed);
        let engine = NetworkEngine::from_parts(network, metadata.clone(), String::new());
        preflight::check_min_size(&dataset.validation, engine.info().min_size)?;
        // Nothing is written before all processes can train.
        world.barrier("preparation")?;
        Ok(Self {
            composed,
            map,
            dataset,
            feed,
            loss,
            schedule,
            metric,
            metadata,
            engine,
            profile,
            loaded,
            checkpoint,
            best: None,
            repository,
            world,
        })
    }

    /// Whether this process is the one that writes.
    pub(crate) fn is_first(&self) -> bool {
        self.world.is_first()
    }

    /// Trains beside the first process, which writes.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Distributed`] if a process is lost; those of training.
    pub(crate) fn assist(mut self) -> Result<()> {
        let signals = Signals::install()?;
        self.train(None, &signals).map(drop)
    }

    /// Trains, and returns the folder of the model package. `output` is the folder of log and picture.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Stopped`] for any other failure, with the last checkpoint.
    pub(crate) fn execute(mut self, output: &Path) -> Result<PathBuf> {
        let (metadata, yaml) = (self.metadata.clone(), self.composed.saved_yaml()?);
        let repository = Rc::clone(&self.repository);
        let checkpoints = match &self.checkpoint {
            Some(checkpoint) => Checkpoints::of(repository, checkpoint.run.clone(), metadata, yaml),
            None => Checkpoints::create(repository, metadata, yaml)?,
        };
        let mut run_file = RunFile { run: checkpoints.location(), package: None };
        run_file.write(output)?;
        self.profile.trace_to(&output.join(TRACE_FILE))?;
        let signals = Signals::install()?;
        let mut tracking = Tracking::start(&self, checkpoints.folder(), output)?;
        let writer = Writer { checkpoints: &checkpoints, tracking: &mut tracking };
        let result = self
            .train(Some(writer), &signals)
            .and_then(|state| self.finish(&state, &checkpoints, output, &signals));
        tracking.finish(&result);
        self.report(&checkpoints, output, result.as_ref().err());
        if let Ok(package) = &result {
            run_file.package = Some(package.clone());
            run_file.write(output)?;
        }
        result.map_err(|error| match (error, checkpoints.last()) {
            (error @ Error::Interrupted { .. }, _) | (error, None) => error,
            (error, Some(checkpoint)) => Error::Stopped { source: Box::new(error), checkpoint },
        })
    }

    pub(super) fn announce(&self, folder: &Path) {
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
        if self.world.size() > 1 {
            let (size, batch) = (self.world.size(), self.feed.batch_size());
            println!("processes   {size}, which train on {batch} tiles together");
        }
        println!("run         {}\n", folder.display());
    }

    /// Makes the package of the best model: its weights, the drift reference and a picture. A signal ends it; a resumed run
    /// then begins here, since the last checkpoint is that of the end of training.
    fn finish(
        &mut self,
        state: &State,
        checkpoints: &Checkpoints,
        output: &Path,
        signals: &Signals,
    ) -> Result<PathBuf> {
        let best = state
            .best
            .first()
            .ok_or_else(|| Error::Usage("train_hyp.max_epochs is 0; it must be at least 1".to_owned()))?;
        let (metadata, weights) = checkpoints.read_best(best)?;
        let scores = metadata.validation.map(Scores::from);
        let best = Snapshot { weights, scores, epoch: best.epoch };
        weights::load_state(
            self.engine.network(),
            weights::read_safetensors(&best.weights, "the best weights")?,
            weights::Load::Strict,
        )?;
        let last = checkpoints.last().unwrap_or_default();
        let (reference, examples, mut measured) =
            self.reference(&checkpoints.version(&best), || match signals.received() {
                Some(signal) => Err(Error::Interrupted { signal, checkpoint: last.clone() }),
                None => Ok(()),
            })?;
        let package = checkpoints.save_package(&best, self.engine.network(), &reference)?;
        let picture = output.join("validation.png");
        sheet(&examples, self.map.classes(), self.map.background())?.save(&picture)?;
        if let Some(scores) = &best.scores {
            let tiles = scores.images;
            println!("\nBest epoch: {:02}, on {tiles} validation tiles:\n", best.epoch);
            println!("{}\n", table::scores(&scores.classes));
            let counted = table::counted(&self.metric, &self.map);
            println!("val_metric  {:.4}  (pooled Dice, {counted})", scores.val_metric);
        }
        measured.scores = best.scores.map_or_else(Vec::new, |scores| scores.classes);
        self.best = Some(measured);
        println!("package     {}", package.display());
        println!("picture     {}  (tile, truth, prediction)", picture.display());
        Ok(package)
    }

    /// Measures the drift reference, and collects examples and what the report shows of the model from the same pass over the
    /// validation tiles. `go_on` ends it by an error, and is asked before each tile.
    fn reference(
        &mut self,
        version: &str,
        go_on: impl Fn() -> Result<()> + Sync,
    ) -> Result<(DriftReference, Vec<Example>, BestModel)> {
        let window = self.engine.info().tile.map(|side| side as u32);
        let image = image_features(&self.dataset.train, window, &go_on)?;
        let tiles = Arc::clone(&self.dataset.validation);
        let shown = evenly_spaced(EXAMPLES, tiles.len());
        let (mut model, mut examples) = (FeatureTable::default(), Vec::new());
        let all: Vec<usize> = (0..tiles.len()).collect();
        let classes = self.map.classes();
        let (mut measured, counted) = (BestModel::new(classes.len())?, self.metric.counted());
        let mut labelled = LabelledAreas::new(classes);
        segment(&mut self.engine, &tiles, &all, batching(self.composed), |index, tile, segmentation| {
            go_on()?;
            push_model_features(&mut model, tiles.case(index), segmentation, classes);
            labelled.add(tile, segmentation);
            measured.add((&tiles, index), tile, segmentation, counted)?;
            if shown.contains(&index) {
                examples.push(Example::new(&tile.to_image(), &tile.to_mask(), &segmentation.mask));
            }
            Ok(())
        })?;
        let mut reference = bcs_drift::reference::build(version, image, model)?;
        reference.calibration = labelled.calibration();
        Ok((reference, examples, measured))
    }
}

/// Seeds the random generator of libtorch and initializes the network.
fn network(composed: &Composed, device: Device) -> Result<Network> {
    tch::manual_seed(composed.config.train_hyp.seed);
    let network = Network::new(&composed.architecture.name, &composed.architecture.arguments, device)?;
    for prefix in &composed.config.train_hyp.freeze {
        if network.freeze(prefix) == 0 {
            return Err(Error::Usage(format!(
                "train_hyp.freeze has {prefix}, which is the beginning of no trainable parameter; --cfg model prints the \
                 layers"
            )));
        }
    }
    Ok(network)
}

/// Returns one weight per class. Balanced ones are the number of pixels of all classes, divided by the number of classes and
/// by that of the class; a class without pixels has weight 0.
fn class_weights(weights: Option<&ClassWeights>, pixels: &[u64]) -> Option<Vec<f64>> {
    match weights? {
        ClassWeights::Values(weights) => Some(weights.clone()),
        ClassWeights::Named(NamedWeights::Balanced) => {
            let present = pixels.iter().filter(|pixels| **pixels > 0).count();
            let mean = pixels.iter().sum::<u64>() as f64 / present.max(1) as f64;
            let weight = |pixels: &u64| if *pixels == 0 { 0.0 } else { mean / *pixels as f64 };
            Some(pixels.iter().map(weight).collect())
        }
    }
}

fn loader_options(composed: &Composed, augmentation: Augmentation, world: &World) -> LoaderOptions {
    let hyp = &composed.config.train_hyp;
    LoaderOptions {
        batch_size: world.batch_size(hyp.training_batch_size, &hyp.distributed),
        share: world.share(),
        workers: hyp.training_num_workers,
        seed: hyp.seed.cast_unsigned(),
        augmentation,
    }
}

pub(super) fn batching(composed: &Composed) -> Batching {
    let hyp = &composed.config.train_hyp;
    Batching { tiles: hyp.validation_batch_size, workers: hyp.validation_num_workers }
}

/// Description that all packages of the run share; checkpoints add version and scores.
fn metadata(composed: &Composed, map: &LabelMap, dataset: &Dataset, feed: &Feed) -> PackageMetadata {
    PackageMetadata {
        format_version: FORMAT_VERSION,
        version: String::new(),
        architecture: composed.architecture.clone(),
        classes: map.classes().to_vec(),
        input: InputSpec {
            scaling: SCALING,
            mpp: dataset.mpp,
            tile: feed.size().map(|side| u32::try_from(side).unwrap_or(u32::MAX)),
        },
        labels: Some(map.to_package()),
        validation: None,
        quantization: None,
        pruning: None,
        files: std::collections::BTreeMap::new(),
        provenance: provenance(&composed.yaml, Some(composed.config.train_hyp.seed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_those_of_scikit_learn() {
        let balanced = ClassWeights::Named(NamedWeights::Balanced);
        // compute_class_weight("balanced", classes=[0, 1], y=[0] * 30 + [1] * 10)
        assert_eq!(class_weights(Some(&balanced), &[30, 10]).unwrap(), [40.0 / 60.0, 2.0]);
        assert_eq!(class_weights(Some(&balanced), &[30, 0, 10]).unwrap(), [40.0 / 60.0, 0.0, 2.0]);
        assert_eq!(class_weights(None, &[1, 2]), None);
    }
}
