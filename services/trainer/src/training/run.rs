//! A training run from beginning to end. Everything that can be wrong with a configuration or its data is found
//! before the first step.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use bcs_contracts::keys;
use bcs_contracts::package::{FORMAT_VERSION, InputSpec, PackageMetadata, Scaling};
use bcs_data::LabelMap;
use bcs_data::loader::{Loader, LoaderOptions};
use bcs_inference::libtorch::NetworkEngine;
use bcs_inference::{Engine, SlidingWindow};
use bcs_model::device;
use bcs_model::losses::{self, Loss};
use bcs_model::nets::Network;
use bcs_model::weights::write_safetensors;
use fs_err as fs;
use serde_json::json;
use tch::nn::{self, OptimizerConfig};

use super::checkpoint::{Best, Checkpoints};
use super::dataset::Dataset;
use super::epoch::{Epochs, Learnt};
use super::profile::Profile;
use super::reference::measure_reference;
use super::validate::{Scores, examples, validate};
use crate::config::{Composed, Config, Optimizer};
use crate::error::usage;
use crate::output::progress::Progress;
use crate::output::sheet::sheet;
use crate::output::table::scores;
use crate::provenance::provenance;

/// Validation tiles in the picture, as many as the predecessor showed.
const EXAMPLES: usize = 5;

/// Trains; `output` is the folder of the run's own files. Gives the folder of the model package.
pub(crate) fn run(composed: &Composed, output: &Path) -> Result<PathBuf> {
    let config = &composed.config;
    let hyp = &config.train_hyp;
    let (map, network) = prepare(config)?;
    let dataset = Dataset::load(config, &map)?;
    let loader = loader(config, &dataset)?;
    let tile = tile_of(&dataset, &network)?;
    let metadata = metadata(composed, &map, tile, dataset.mpp);
    let loss = losses::by_name(&hyp.loss, hyp.class_weights.as_deref()).map_err(usage)?;
    let mut checkpoints =
        Checkpoints::create(&hyp.model_repo_location, metadata.clone(), composed.yaml.clone())?;
    let mut log = fs::File::create(output.join("metrics.jsonl"))?;
    announce(config, &network, &dataset, &map, checkpoints.folder());

    let scaling = metadata.input.scaling.clone();
    let mut engine = NetworkEngine::from_parts(network, metadata, None, String::new());
    let mut epochs = epochs(config, &loader, loss.as_ref(), &scaling, engine.network())?;
    let window = SlidingWindow { batch: hyp.validation_batch_size, ..SlidingWindow::default() };
    let mut best: Option<Best> = None;
    for epoch in 0..hyp.max_epochs {
        let start = Instant::now();
        let learnt = epochs.run(engine.network(), epoch)?;
        let learning = start.elapsed().as_secs_f64();
        let label = format!("Epoch {epoch:02} validating");
        let progress = Progress::silent_in_logs(label, dataset.validation.len(), "tiles");
        let reached = epochs
            .profile
            .time("validate", || validate(&mut engine, window, &dataset.validation, &map, &progress))?;
        drop(progress);
        let better = best.as_ref().is_none_or(|best| reached.val_metric > best.scores.val_metric);
        report(&mut log, epoch, &learnt, learning, &reached, better)?;
        epochs.profile.time("save", || -> Result<()> {
            checkpoints.save_last(engine.network(), epoch, &reached)?;
            if better {
                let weights = write_safetensors(engine.network())?;
                checkpoints.save_best(best.insert(Best { weights, scores: reached, epoch }))?;
            }
            Ok(())
        })?;
    }
    if hyp.profiling {
        println!("\n{}", epochs.profile.report());
    }
    let Some(best) = best else { anyhow::bail!("there was no epoch") };
    finish(engine, &best, &checkpoints, &dataset, window, &map, output)
}

/// Checks everything that does not need the tiles.
fn prepare(config: &Config) -> Result<(LabelMap, Network)> {
    let hyp = &config.train_hyp;
    if hyp.wandb_enabled {
        eprintln!(
            "bcs-trainer: wandb_enabled: this version writes metrics to metrics.jsonl of the run alone"
        );
    }
    let map = LabelMap::load(&config.data.label_map).map_err(usage)?;
    let classes = map.classes().len();
    if config.model_hyp.out_channels != classes as i64 {
        return Err(usage(format!(
            "model_hyp.out_channels is {} and the label map {} has {classes} classes; say model_hyp.out_channels={classes} or choose another data.label_map",
            config.model_hyp.out_channels,
            map.name()
        )));
    }
    if let Some(weights) = &hyp.class_weights
        && (weights.len() != classes || weights.iter().any(|weight| !(*weight >= 0.0 && weight.is_finite())))
    {
        return Err(usage(format!("train_hyp.class_weights needs {classes} numbers of at least 0")));
    }
    if ![1, 3].contains(&config.model_hyp.in_channels) {
        return Err(usage(format!(
            "model_hyp.in_channels is {}; tiles have 3 channels (RGB) or, as grey, 1",
            config.model_hyp.in_channels
        )));
    }
    let device = device::parse(&hyp.device).map_err(usage)?;
    losses::by_name(&hyp.loss, None).map_err(usage)?;
    tch::manual_seed(hyp.seed);
    let architecture = config.model_hyp.architecture();
    let network = Network::new(&architecture.name, &architecture.arguments, device).map_err(usage)?;
    Ok((map, network))
}

fn loader(config: &Config, dataset: &Dataset) -> Result<Loader> {
    let options = LoaderOptions {
        batch_size: config.train_hyp.training_batch_size,
        workers: config.train_hyp.training_num_workers,
        seed: config.train_hyp.seed.cast_unsigned(),
        augmentation: config.augmentation.clone(),
    };
    Ok(Loader::new(std::sync::Arc::clone(&dataset.train), options)?)
}

/// The size of the training tiles, which the network must be able to take.
fn tile_of(dataset: &Dataset, network: &Network) -> Result<[u32; 2]> {
    let [height, width] = dataset.train.size(0);
    let divisor = network.size_divisor().map(|divisor| divisor as usize);
    if !height.is_multiple_of(divisor[0]) || !width.is_multiple_of(divisor[1]) {
        return Err(usage(format!(
            "the tiles are {width}×{height} pixels; with model_hyp.strides the network takes multiples of {}×{}",
            divisor[1], divisor[0]
        )));
    }
    Ok([u32::try_from(height)?, u32::try_from(width)?])
}

fn metadata(composed: &Composed, map: &LabelMap, tile: [u32; 2], mpp: Option<f64>) -> PackageMetadata {
    PackageMetadata {
        format_version: FORMAT_VERSION,
        version: keys::run_name(jiff::Timestamp::now()),
        architecture: composed.config.model_hyp.architecture(),
        classes: map.classes().to_vec(),
        input: InputSpec { scaling: Scaling::UnitRange, mpp, tile },
        labels: Some(map.to_package()),
        validation: None,
        files: std::collections::BTreeMap::new(),
        provenance: provenance(&composed.yaml, Some(composed.config.train_hyp.seed)),
    }
}

fn announce(config: &Config, network: &Network, dataset: &Dataset, map: &LabelMap, folder: &Path) {
    println!(
        "{} with {:.2} M parameters on {:?}, {} on {} ({} tiles of train and {} of val in memory)\n",
        config.model_hyp.architecture().name,
        network.parameters() as f64 / 1e6,
        network.device(),
        config.train_hyp.loss,
        map.name(),
        dataset.train.cached(),
        dataset.validation.cached(),
    );
    println!("{}\n\nThe run is {}\n", dataset.describe(map), folder.display());
}

fn epochs<'a>(
    config: &'a Config,
    loader: &'a Loader,
    loss: &'a dyn Loss,
    scaling: &'a Scaling,
    network: &Network,
) -> Result<Epochs<'a>> {
    let hyp = &config.train_hyp;
    let (variables, rate) = (network.variables(), hyp.learning_rate);
    let optimizer = match hyp.optimizer {
        Optimizer::Adam => {
            nn::Adam { wd: hyp.weight_decay.unwrap_or(0.0), ..nn::Adam::default() }.build(variables, rate)
        }
        Optimizer::AdamW => {
            nn::AdamW { wd: hyp.weight_decay.unwrap_or(0.01), ..nn::AdamW::default() }.build(variables, rate)
        }
    }?;
    let batches = hyp.limit_train_batches.map_or(loader.batches(), |limit| limit.of(loader.batches()));
    Ok(Epochs { hyp, loader, loss, scaling, batches, optimizer, profile: Profile::default() })
}

/// One line for people, one for programs.
fn report(
    log: &mut impl std::io::Write,
    epoch: usize,
    learnt: &Learnt,
    seconds: f64,
    reached: &Scores,
    better: bool,
) -> Result<()> {
    let rate = learnt.tiles as f64 / seconds;
    println!(
        "epoch {epoch:02}  loss {:.4}  val_metric {:.4}{}  {rate:.1} img/s",
        learnt.loss,
        reached.val_metric,
        if better { " best" } else { "     " },
    );
    let dice: serde_json::Map<_, _> =
        reached.classes.iter().map(|class| (class.name.clone(), json!(class.dice))).collect();
    let line = json!({
        "epoch": epoch, "loss": learnt.loss, "learning_rate": learnt.learning_rate,
        "val_metric": reached.val_metric, "val_dice": dice, "images_per_second": rate,
    });
    writeln!(log, "{line}")?;
    Ok(log.flush()?)
}

/// Makes the package of the best model: its weights again, the drift reference, a picture.
fn finish(
    mut engine: NetworkEngine,
    best: &Best,
    checkpoints: &Checkpoints,
    dataset: &Dataset,
    window: SlidingWindow,
    map: &LabelMap,
    output: &Path,
) -> Result<PathBuf> {
    let state = bcs_model::weights::read_safetensors(&best.weights, "the best weights")?;
    bcs_model::weights::load_state(engine.network(), state)?;
    let reference = measure_reference(&mut engine, window, &dataset.train, checkpoints.version())?;
    let package = checkpoints.save_package(best, &reference)?;
    let examples = examples(&mut engine, window, &dataset.validation, EXAMPLES)?;
    let picture = output.join("validation.png");
    sheet(&examples, &engine.info().classes, map.background())?.save(&picture)?;
    let images = best.scores.images;
    println!(
        "\nBest in epoch {:02}, on {images} validation tiles:\n\n{}\n",
        best.epoch,
        scores(&best.scores.classes)
    );
    println!("val_metric  {:.4}  (pooled Dice, mean of {})", best.scores.val_metric, foreground(map));
    println!("package     {}", package.display());
    println!("picture     {}  (tile, truth, prediction)", picture.display());
    Ok(package)
}

fn foreground(map: &LabelMap) -> String {
    map.foreground().map(|class| map.classes()[class].name.as_str()).collect::<Vec<_>>().join(", ")
}
