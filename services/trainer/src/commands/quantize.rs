//! `bcs-trainer quantize`: adds a graph to a model package whose convolutions compute in 8 bits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::{GRAPH_FILE, QUANTIZED_GRAPH_FILE};
use bcs_contracts::package::{FORMAT_VERSION, Quantization};
use bcs_data::{LabelMap, TileSet, index};
use bcs_inference::{Border, Engine, Precision};
use bcs_model::export::onnx;
use bcs_model::export::quantize::{FloatGraph, Scale};
use bcs_model::metrics::ValMetric;
use bcs_model::package::{self, Package};
use tch::Device;

use super::label_map::label_map;
use super::{require_path, write_package};
use crate::cli::QuantizeArguments;
use crate::error::{Error, Result};
use crate::output::progress::Progress;
use crate::output::table::aligned;
use crate::quantization::calibration::{CALIBRATIONS, Distributions};
use crate::quantization::engine;
use crate::quantization::search::{Reference, Sensitivity, fewest};
use crate::quantization::tiles::CalibrationTiles;
use crate::training::preflight;
use crate::training::validate::{Batching, validate};

/// Memory for decoded tiles, in bytes. They are used several times.
const CACHE_BYTES: u64 = 1 << 30;
/// Tiles per batch and threads that decode them.
const BATCHING: Batching = Batching { tiles: 16, workers: 2 };
/// Forward passes that are timed, of which the fastest counts.
const PASSES: usize = 20;

/// Quantizes.
pub(super) fn run(arguments: &QuantizeArguments) -> Result<()> {
    for (flag, path) in [
        ("--model", &arguments.model),
        ("--calibration", &arguments.calibration),
        ("--images", &arguments.images),
        ("--masks", &arguments.masks),
    ] {
        require_path(flag, path)?;
    }
    if !bcs_inference::has_int8() {
        return Err(Error::Usage(
            "this CPU has no instructions for int8 (VNNI or AMX), so that a quantized graph can't be measured; use another \
             machine"
                .to_owned(),
        ));
    }
    let package = Package::read(&arguments.model, Device::Cpu)?;
    let size = package.network.accepted_size(package.metadata.input.tile.map(i64::from));
    // Written anew: older packages have none, or a slower one.
    let file = onnx(&package.network, size)?;
    let size = size.map(|side| side as usize);
    let tiles = CalibrationTiles::read(&arguments.calibration, arguments.calibration_tiles as usize, size)?;
    let graph = FloatGraph::read(&file)?;
    let judge = Judge::new(arguments, &package.metadata)?;

    let distributions = Distributions::measure(&graph, &tiles, &package.metadata.input.scaling)?;
    let reference = Reference::new(&package.metadata, &file, &tiles)?;
    let (calibration, scales) = best_scales(&graph, &distributions, &reference)?;
    let sensitivities = reference.sensitivities(&graph, &scales)?;
    let float_score = judge.score(&file, Precision::Float32)?;
    let chosen = choose(arguments, &graph, &scales, &sensitivities, &judge, float_score)?;

    let quantization = Quantization {
        calibration: calibration.to_owned(),
        calibration_images: tiles.pixels.len(),
        layers: sensitivities.len() - chosen.float_layers,
        float_layers: sensitivities[..chosen.float_layers].iter().map(|layer| layer.layer.clone()).collect(),
        val_metric_float32: float_score,
        val_metric_int8: chosen.score,
        images: judge.tiles.len(),
    };
    print_layers(&sensitivities, chosen.float_layers);
    print_scores(&package.metadata, &file, &chosen.graph, &tiles, &quantization)?;
    write(arguments, quantization, file, chosen.graph)
}

/// The tiles that judge a graph.
struct Judge<'a> {
    metadata: &'a PackageMetadata,
    tiles: Arc<TileSet>,
    map: LabelMap,
    metric: ValMetric,
}

impl<'a> Judge<'a> {
    fn new(arguments: &QuantizeArguments, metadata: &'a PackageMetadata) -> Result<Self> {
        let map = label_map(arguments.label_map.as_deref(), &arguments.model, metadata.classes.len())?;
        let pairs = index::pairs(&arguments.images, &arguments.masks)?;
        let progress = Progress::new("Checking tiles", pairs.len(), "tiles");
        let tiles = Arc::new(TileSet::load(pairs, &map, CACHE_BYTES, || progress.step())?);
        let metric = preflight::val_metric(&tiles, &map, "evaluation")?;
        Ok(Self { metadata, tiles, map, metric })
    }

    /// Returns the pooled Dice of a graph.
    fn score(&self, graph: &[u8], precision: Precision) -> Result<f64> {
        let mut engine = engine(self.metadata, graph, precision)?;
        preflight::check_min_size(&self.tiles, engine.info().min_size)?;
        let progress = Progress::silent_in_logs("Scoring", self.tiles.len(), "tiles");
        let Self { tiles, map, metric, .. } = self;
        let scores = validate(engine.as_mut(), tiles, map, metric, BATCHING, &progress, |_, _, _| Ok(()))?;
        Ok(scores.val_metric)
    }
}

/// Returns the scales with which the logits change least if all layers are quantized.
fn best_scales(
    graph: &FloatGraph,
    distributions: &Distributions,
    reference: &Reference<'_>,
) -> Result<(&'static str, BTreeMap<String, Scale>)> {
    let all: BTreeSet<String> = graph.layers().into_iter().map(|layer| layer.name).collect();
    let mut best: Option<(f64, &str, BTreeMap<String, Scale>)> = None;
    for (name, calibration) in CALIBRATIONS {
        let scales = distributions.scales(calibration);
        let error = reference.error(&graph.quantized(&scales, &all)?)?;
        eprintln!("Ranges by {name}: the logits of the quantized graph differ by {:.2} %", 100.0 * error);
        if best.as_ref().is_none_or(|(least, ..)| error < *least) {
            best = Some((error, name, scales));
        }
    }
    let (_, name, scales) =
        best.ok_or_else(|| Error::Usage("there is no way to choose ranges".to_owned()))?;
    Ok((name, scales))
}

/// A quantized graph that keeps the score.
struct Chosen {
    float_layers: usize,
    score: f64,
    graph: Vec<u8>,
}

fn choose(
    arguments: &QuantizeArguments,
    graph: &FloatGraph,
    scales: &BTreeMap<String, Scale>,
    sensitivities: &[Sensitivity],
    judge: &Judge<'_>,
    float_score: f64,
) -> Result<Chosen> {
    let mut accepted = None;
    let fewest = fewest(sensitivities.len(), |float_layers| {
        let layers = sensitivities[float_layers..].iter().map(|layer| layer.layer.clone()).collect();
        let quantized = graph.quantized(scales, &layers)?;
        let score = judge.score(&quantized, Precision::Int8)?;
        eprintln!(
            "{float_layers} convolutions in floating point: pooled Dice {score:.4}, float32 {float_score:.4}"
        );
        let is_accepted = float_score - score <= arguments.max_loss;
        if is_accepted {
            accepted = Some(Chosen { float_layers, score, graph: quantized });
        }
        Ok(is_accepted)
    })?;
    match (fewest, accepted) {
        (Some(fewest), Some(chosen)) if fewest < sensitivities.len() => Ok(chosen),
        _ => Err(Error::Usage(format!(
            "no convolution can be quantized within --max-loss {}; allow more",
            arguments.max_loss
        ))),
    }
}

fn print_layers(sensitivities: &[Sensitivity], float_layers: usize) {
    let rows: Vec<Vec<String>> = sensitivities
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            let kind = if index < float_layers { "float" } else { "int8" };
            vec![layer.layer.clone(), kind.to_owned(), format!("{:.2} %", 100.0 * layer.error)]
        })
        .collect();
    println!("{}\n", aligned(&["convolution", "computes in", "error alone"], &rows, 2));
}

/// Prints the scores, and the times of a forward pass on all cores.
fn print_scores(
    metadata: &PackageMetadata,
    float: &[u8],
    quantized: &[u8],
    tiles: &CalibrationTiles,
    scores: &Quantization,
) -> Result<()> {
    let mut engines = [
        engine(metadata, float, Precision::Float32)?,
        engine(metadata, float, Precision::Bfloat16)?,
        engine(metadata, quantized, Precision::Int8)?,
    ];
    let mut times = [f64::INFINITY; 3];
    for _ in 0..PASSES {
        for (engine, time) in engines.iter_mut().zip(&mut times) {
            *time = time.min(milliseconds(engine.as_mut(), tiles)?);
        }
    }
    let dice = [Some(scores.val_metric_float32), None, Some(scores.val_metric_int8)];
    let rows: Vec<Vec<String>> = ["float32", "bfloat16", "int8"]
        .iter()
        .zip(dice.iter().zip(times))
        .map(|(name, (dice, time))| {
            let dice = dice.map_or_else(|| "–".to_owned(), |dice| format!("{dice:.4}"));
            vec![(*name).to_owned(), dice, format!("{time:.1}"), format!("{:.2}", time / times[0])]
        })
        .collect();
    println!("{}\n", aligned(&["precision", "Dice pooled", "ms a tile", "of float32"], &rows, 1));
    Ok(())
}

fn milliseconds(engine: &mut dyn Engine, tiles: &CalibrationTiles) -> Result<f64> {
    let [height, width] = tiles.size;
    let mut logits = vec![0.0; engine.info().classes.len() * height * width];
    let start = Instant::now();
    engine.run(&tiles.pixels[0], [1, height, width], &Border::default(), &mut logits)?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn write(
    arguments: &QuantizeArguments,
    quantization: Quantization,
    float: Vec<u8>,
    quantized: Vec<u8>,
) -> Result<()> {
    let (metadata, mut files) = package::read_files(&arguments.model)?;
    files.insert(GRAPH_FILE.to_owned(), float);
    files.insert(QUANTIZED_GRAPH_FILE.to_owned(), quantized);
    let metadata =
        PackageMetadata { format_version: FORMAT_VERSION, quantization: Some(quantization), ..metadata };
    let version = metadata.version.clone();
    write_package(&arguments.output, metadata, &files, arguments.overwrite)?;
    println!("{version}\n\npackage  {}\nserve    PRECISION=int8", arguments.output.display());
    Ok(())
}
