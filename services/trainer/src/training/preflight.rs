//! Pre-flight checks: whatever makes a run fail, or its model worthless, is found before the folder of the run exists.

use std::rc::Rc;

use bcs_contracts::package::{Architecture, Scaling};
use bcs_data::loader::{Batch, Mixed, Part};
use bcs_data::{LabelMap, Problem, TileSet};
use bcs_model::losses::DeepSupervisionLoss;
use bcs_model::metrics::ValMetric;
use bcs_model::nets::Network;
use bcs_model::preprocess::to_input;

use super::dataset::Dataset;
use super::feed::Feed;
use super::profile::Profile;
use super::step::Stepper;
use crate::config::{ClassWeights, Composed, Config, TrainHyp};
use crate::distributed::World;
use crate::error::{Error, Result};
use crate::output::warn;

/// Checks what needs no tiles: that network and class weights fit the label map and the tiles' channels.
///
/// # Errors
/// [`Error::Usage`] with the configuration key.
pub(super) fn check_configuration(config: &Config, map: &LabelMap, network: &Network) -> Result<()> {
    let classes = map.classes().len();
    let outputs = network.out_channels();
    if outputs != classes as i64 {
        return Err(Error::Usage(format!(
            "model_hyp.out_channels is {outputs}, but the label map {} has {classes} classes; set \
             model_hyp.out_channels={classes} or choose another data.label_map",
            map.name()
        )));
    }
    let inputs = network.in_channels();
    if ![1, 3].contains(&inputs) {
        return Err(Error::Usage(format!(
            "model_hyp.in_channels is {inputs}; it must be 3 (RGB) or 1 (grayscale)"
        )));
    }
    if network.output_stride() != [1, 1] {
        return Err(Error::Usage(
            "the first of model_hyp.strides makes the logits smaller than the tiles; it must be 1 for training"
                .to_owned(),
        ));
    }
    if let Some(ClassWeights::Values(weights)) = &config.train_hyp.class_weights
        && weights.len() != classes
    {
        let (count, name) = (weights.len(), map.name());
        return Err(Error::Usage(format!(
            "train_hyp.class_weights has {count} weights, but the label map {name} has {classes} classes"
        )));
    }
    Ok(())
}

/// Checks that each process has a tile of every full batch.
///
/// # Errors
/// [`Error::Usage`] with the configuration key.
pub(super) fn check_batch_size(hyp: &TrainHyp, world: &World) -> Result<()> {
    let (batch, size) = (world.batch_size(hyp.training_batch_size, &hyp.distributed), world.size());
    if batch >= size {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "train_hyp.training_batch_size is {batch}, for {size} processes together (train_hyp.distributed.batch_size=global); \
         it must be at least {size}, or choose train_hyp.distributed.batch_size=process"
    )))
}

/// Checks that the tiles can train and validate a model, and returns the score that selects it. Prints a warning for what
/// is suspicious only.
///
/// # Errors
/// [`Error::Tiles`] if no pixel of a side is valid, if no validation pixel is of a class but background, or if all
/// training pixels have weight zero; [`Error::Usage`] and [`Error::Data`] for tiles that the network does not accept.
pub(super) fn check_tiles(
    composed: &Composed,
    dataset: &Dataset,
    feed: &Feed,
    map: &LabelMap,
    network: &Network,
) -> Result<ValMetric> {
    check_valid_pixels(&dataset.train, map, "training")?;
    let metric = val_metric(&dataset.validation, map, "validation")?;
    check_weighted_pixels(&composed.config, &dataset.train, map)?;
    check_tile_size(feed, &composed.architecture, network)?;
    for warning in warnings(dataset, map) {
        warn(&warning);
    }
    Ok(metric)
}

/// Fixes the score on a data set. `purpose` of the tiles is for messages.
///
/// # Errors
/// [`Error::Tiles`] if no pixel is valid, or none is of a class but background.
pub(crate) fn val_metric(tiles: &TileSet, map: &LabelMap, purpose: &str) -> Result<ValMetric> {
    check_valid_pixels(tiles, map, purpose)?;
    ValMetric::new(tiles.class_pixels(), map.background()).map_err(|_| {
        let names: Vec<&str> = map.foreground().map(|class| map.classes()[class].name.as_str()).collect();
        Error::Tiles(format!(
            "the {purpose} tiles have no pixels of {}, so that no score can be computed; add {purpose} tiles with them, \
             or choose another label map with {}",
            names.join(", "),
            map.setting()
        ))
    })
}

/// Checks that no tile is too small for a model.
///
/// # Errors
/// [`Error::Data`] with every tile whose height or width is below `min_size`.
pub(crate) fn check_min_size(tiles: &TileSet, min_size: [usize; 2]) -> Result<()> {
    let [min_height, min_width] = min_size;
    let problem = |index: usize| {
        let [height, width] = tiles.size(index);
        (height < min_height || width < min_width).then(|| Problem {
            path: tiles.pair(index).image.clone(),
            reason: format!(
                "is {width}×{height} pixels, but the network needs at least {min_width}×{min_height}; remove the tile, or \
                 choose a network with fewer levels"
            ),
        })
    };
    let problems: Vec<Problem> = (0..tiles.len()).filter_map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(bcs_data::Error::Files { problems }.into()) }
}

fn check_valid_pixels(tiles: &TileSet, map: &LabelMap, purpose: &str) -> Result<()> {
    if tiles.class_pixels().iter().any(|pixels| *pixels > 0) {
        return Ok(());
    }
    Err(Error::Tiles(format!(
        "all pixels of the {purpose} tiles are ignored by the label map {}; add tiles with annotated pixels, or choose \
         another label map with {}",
        map.name(),
        map.setting()
    )))
}

/// Without a pixel whose class has a weight, the loss is zero whatever the network predicts.
fn check_weighted_pixels(config: &Config, train: &TileSet, map: &LabelMap) -> Result<()> {
    let Some(ClassWeights::Values(weights)) = &config.train_hyp.class_weights else { return Ok(()) };
    if train.class_pixels().iter().zip(weights).any(|(pixels, weight)| *pixels > 0 && *weight > 0.0) {
        return Ok(());
    }
    Err(Error::Tiles(format!(
        "train_hyp.class_weights is {weights:?}, which gives all classes in the training tiles weight 0 (classes: {}); \
         give a class that they contain a weight above 0",
        map.classes().iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ")
    )))
}

/// Checks the size of the tiles of a batch, which all have the same.
fn check_tile_size(feed: &Feed, architecture: &Architecture, network: &Network) -> Result<()> {
    let [height, width] = feed.size();
    let [divisor_height, divisor_width] = network.size_divisor().map(|divisor| divisor as usize);
    if !height.is_multiple_of(divisor_height) || !width.is_multiple_of(divisor_width) {
        return Err(Error::Usage(format!(
            "the training tiles are {width}×{height} pixels, but with this model_hyp the network takes multiples of \
             {divisor_width}×{divisor_height}; cut the tiles to such a size{}",
            or_other_strides(architecture)
        )));
    }
    let [min_height, min_width] = network.min_training_size().map(|side| side as usize);
    if height < min_height || width < min_width {
        return Err(Error::Usage(format!(
            "the training tiles are {width}×{height} pixels, but with this model_hyp the network needs at least \
             {min_width}×{min_height}; cut larger tiles{}",
            or_other_strides(architecture)
        )));
    }
    Ok(())
}

/// What else a message about sizes can suggest: the sizes of some networks follow from their strides.
fn or_other_strides(architecture: &Architecture) -> &'static str {
    match architecture.arguments.contains_key("strides") {
        true => ", or choose other model_hyp.strides",
        false => "",
    }
}

/// What is suspicious about the tiles, but does not prevent training.
fn warnings(dataset: &Dataset, map: &LabelMap) -> Vec<String> {
    let mut warnings = Vec::new();
    let absent: Vec<&str> = (map.classes().iter().zip(dataset.train.class_pixels()))
        .filter(|(_, pixels)| **pixels == 0)
        .map(|(class, _)| class.name.as_str())
        .collect();
    if !absent.is_empty() {
        warnings.push(format!(
            "no training tile has pixels of {}; the model cannot learn to predict it",
            absent.join(", ")
        ));
    }
    let (train, validation) = (dataset.train.cases(), dataset.validation.cases());
    let shared: Vec<&str> = train.intersection(&validation).map(String::as_str).collect();
    if !shared.is_empty() {
        warnings.push(format!(
            "patients in both training and validation tiles, which makes val_metric too optimistic: {}; hold patients \
             out with data.split=patient",
            shared.join(", ")
        ));
    }
    warnings
}

/// Trains `network` for a step on a batch of the largest size, and runs it on the largest validation batch, so that a lack
/// of memory shows now. Changes the parameters and the random state: the network is not used afterwards.
///
/// # Errors
/// [`Error::DryRun`] if libtorch fails; [`Error::Model`] if the network refuses the size.
pub(super) fn dry_run(
    composed: &Composed,
    network: &Network,
    loss: Rc<DeepSupervisionLoss>,
    scaling: &Scaling,
    dataset: &Dataset,
    feed: &Feed,
) -> Result<()> {
    let hyp = &composed.config.train_hyp;
    let [height, width] = feed.size();
    let failed = |step, key, batch| {
        move |source| match source {
            Error::Model(source @ bcs_model::Error::Torch(_)) => {
                Error::DryRun { step, batch, width, height, key, source }
            }
            source => source,
        }
    };
    let len = feed.largest_batch();
    let area = height * width;
    let classes = vec![0; len * area];
    let mixed = feed.mixes_up().then(|| Mixed { classes: classes.clone(), weight: 0.5 });
    let batch = Batch {
        len,
        height,
        width,
        pixels: vec![128; len * area * 3],
        classes,
        mixed,
        part: Part::whole(len),
    };
    let unmeasured = Profile::new(false, network.device());
    let (architecture, alone) = (&composed.architecture, World::alone());
    let step = || -> Result<_> {
        let mut stepper =
            Stepper::new(hyp, architecture, network, loss, scaling.clone(), unmeasured, &alone)?;
        stepper.accumulate(network, &batch, [0, 0], true)?;
        Ok(stepper.step(1, hyp.learning_rate)?)
    };
    step().map_err(failed("a training step", "train_hyp.training_batch_size", len))?;
    let len = hyp.validation_batch_size.min(dataset.validation.len());
    let forward = || {
        let shape = [len, height, width];
        let input =
            to_input(&vec![128; len * area * 3], shape, network.in_channels(), scaling, network.device())?;
        Ok(network.forward(&input, false).map(drop)?)
    };
    tch::no_grad(forward).map_err(failed("validation", "train_hyp.validation_batch_size", len))?;
    Ok(())
}
