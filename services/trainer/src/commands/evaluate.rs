//! `bcs-trainer evaluate`: scores of a model per class, with confidence intervals, and compared with another model.

use std::path::Path;
use std::sync::Arc;

use bcs_contracts::{TissueClass, tile_name};
use bcs_data::{LabelMap, TileSet, index};
use bcs_inference::{Engine, EngineKind, Options};
use bcs_model::device;
use bcs_model::metrics::ValMetric;
use fs_err as fs;

use super::label_map::label_map;
use super::require_path;
use crate::cli::EvaluateArguments;
use crate::error::{Error, Result};
use crate::evaluation::Evaluation;
use crate::evaluation::cases::Cases;
use crate::evaluation::results::{Assessed, Results};
use crate::evaluation::rows::image_score;
use crate::output::progress::Progress;
use crate::output::sheet::{Example, evenly_spaced};
use crate::report::examples::Examples;
use crate::statistics::bootstrap::Bootstrap;
use crate::training::preflight;
use crate::training::validate::{Batching, validate};

/// Number of examples in the picture.
const EXAMPLES: usize = 8;

/// Memory for decoded tiles, in bytes. Each tile is used once or twice, so that more would not help.
const CACHE_BYTES: u64 = 0;

/// Tiles per batch and threads that decode them.
const BATCHING: Batching = Batching { tiles: 16, workers: 2 };

/// Evaluates.
pub(super) fn run(arguments: &EvaluateArguments) -> Result<()> {
    // First, so that they are usage errors.
    device::parse(&arguments.device)?;
    require_path("--model", &arguments.model)?;
    arguments.compare.as_deref().map(|model| require_path("--compare", model)).transpose()?;
    check_numbers(arguments)?;
    let engine = open(arguments, &arguments.model)?;
    let map = label_map(arguments.label_map.as_deref(), &arguments.model, engine.info().classes.len())?;
    let other = arguments.compare.as_deref().map(|model| open(arguments, model)).transpose()?;
    if let Some(other) = &other {
        check_classes(&engine.info().classes, &other.info().classes)?;
    }
    let pairs = index::pairs(&arguments.images, &arguments.masks)?;
    let progress = Progress::new("Checking tiles", pairs.len(), "tiles");
    let tiles = Arc::new(TileSet::load(pairs, &map, CACHE_BYTES, || progress.step())?);
    drop(progress);
    for engine in std::iter::once(&engine).chain(&other) {
        preflight::check_min_size(&tiles, engine.info().min_size)?;
    }
    let data = Data { metric: preflight::val_metric(&tiles, &map, "evaluation")?, tiles, map };
    let model = data.assess(arguments, "Evaluating", &arguments.model, engine)?;
    let other = match (&arguments.compare, other) {
        (Some(path), Some(engine)) => Some(data.assess(arguments, "Evaluating B", path, engine)?),
        _ => None,
    };
    fs::create_dir_all(&arguments.output)?;
    let Data { metric, tiles, map } = &data;
    let bootstrap = Bootstrap {
        resamples: arguments.bootstrap as usize,
        confidence: arguments.confidence,
        seed: arguments.seed,
    };
    let cases = Cases::new(tiles);
    Results::new(tiles, map, metric, &cases, bootstrap, &model, other.as_ref()).write(&arguments.output)
}

fn check_numbers(arguments: &EvaluateArguments) -> Result<()> {
    let tolerance = arguments.surface_tolerance;
    if !tolerance.is_finite() || tolerance < 0.0 {
        return Err(Error::Usage(format!("--surface-tolerance is {tolerance}; it must be at least 0")));
    }
    let confidence = arguments.confidence;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(Error::Usage(format!("--confidence is {confidence}; it must be above 0 and below 1")));
    }
    Ok(())
}

fn open(arguments: &EvaluateArguments, model: &Path) -> Result<Box<dyn Engine>> {
    let options = Options { engine: EngineKind::Libtorch, ..Options::on(&arguments.device) };
    Ok(bcs_inference::open(model, &options)?.engine()?)
}

/// Checks that the models have the same classes in the same order.
fn check_classes(a: &[TissueClass], b: &[TissueClass]) -> Result<()> {
    let names = |classes: &[TissueClass]| {
        classes.iter().map(|class| class.name.clone()).collect::<Vec<_>>().join(", ")
    };
    if names(a) == names(b) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "--compare has the classes {}, but --model has {}; they must be the same, in the same order",
        names(b),
        names(a)
    )))
}

/// What models are evaluated on.
struct Data {
    tiles: Arc<TileSet>,
    map: LabelMap,
    metric: ValMetric,
}

impl Data {
    /// Segments all tiles with a model, and scores the result.
    fn assess(
        &self,
        arguments: &EvaluateArguments,
        label: &str,
        path: &Path,
        mut engine: Box<dyn Engine>,
    ) -> Result<Assessed> {
        let Self { tiles, map, metric } = self;
        let classes = engine.info().classes.clone();
        let names = classes.iter().map(|class| class.name.clone()).collect();
        let mpp = tile_name::mpp(&tiles.pair(0).name).or(engine.info().mpp);
        let mut evaluation = Evaluation::new(names, arguments.surface_tolerance, mpp)?;
        let progress = Progress::new(label, tiles.len(), "tiles");
        let (shown, mut sheet, mut examples) =
            (evenly_spaced(EXAMPLES, tiles.len()), Vec::new(), Examples::default());
        let scores =
            validate(engine.as_mut(), tiles, map, metric, BATCHING, &progress, |index, tile, found| {
                if shown.contains(&index) {
                    sheet.push(Example::new(&tile.to_image(), &tile.to_mask(), &found.mask));
                }
                evaluation.add(&tile.classes, found.mask.as_raw(), [tile.height, tile.width])?;
                let score =
                    evaluation.last_matrix().map_or(f64::NAN, |matrix| image_score(matrix, metric.counted()));
                examples.offer(index, &tiles.pair(index).name, score, tile, &found.mask);
                Ok(())
            })?;
        let (model, version) = (path.to_owned(), engine.info().version.clone());
        Ok(Assessed { model, version, classes, mpp, scores, evaluation, sheet, examples })
    }
}
