//! `bcs-trainer evaluate`: MONAI's metrics of a model, per class.

use std::sync::Arc;

use bcs_contracts::keys::METADATA_FILE;
use bcs_contracts::{PackageMetadata, tile_name};
use bcs_data::{LabelMap, TileSet, index};
use bcs_model::device;
use fs_err as fs;
use serde_json::json;

use super::require_path;
use crate::cli::EvaluateArguments;
use crate::error::{Error, Result};
use crate::evaluation::Evaluation;
use crate::output::progress::Progress;
use crate::output::sheet::{Example, evenly_spaced, sheet};
use crate::output::table;
use crate::training::preflight;
use crate::training::validate::{Batching, validate};

/// Number of examples in the picture.
const EXAMPLES: usize = 8;

/// Memory for decoded tiles, in bytes. Each tile is used once, so that more would not help.
const CACHE_BYTES: u64 = 0;

/// Tiles per batch and threads that decode them.
const BATCHING: Batching = Batching { tiles: 16, workers: 2 };

/// The flag that chooses the label map, for messages.
const LABEL_MAP: &str = "--label-map";

/// Evaluates.
pub(super) fn run(arguments: &EvaluateArguments) -> Result<()> {
    // First, so that it is a usage error.
    device::parse(&arguments.device)?;
    require_path("--model", &arguments.model)?;
    let tolerance = arguments.surface_tolerance;
    if !tolerance.is_finite() || tolerance < 0.0 {
        return Err(Error::Usage(format!("--surface-tolerance is {tolerance}; it must be at least 0")));
    }
    let mut engine = bcs_inference::open(&arguments.model, &arguments.device)?.engine()?;
    let classes = engine.info().classes.clone();
    let map = label_map(arguments, classes.len())?;
    let pairs = index::pairs(&arguments.images, &arguments.masks)?;
    let progress = Progress::new("Checking tiles", pairs.len(), "tiles");
    let tiles = Arc::new(TileSet::load(pairs, &map, CACHE_BYTES, || progress.step())?);
    drop(progress);
    preflight::check_min_size(&tiles, engine.info().min_size)?;
    let metric = preflight::val_metric(&tiles, &map, "evaluation")?;

    let names = classes.iter().map(|class| class.name.clone()).collect();
    let mpp = tile_name::mpp(&tiles.pair(0).name).or(engine.info().mpp);
    let mut evaluation = Evaluation::new(names, tolerance, mpp)?;
    let progress = Progress::new("Evaluating", tiles.len(), "tiles");
    let (shown, mut examples) = (evenly_spaced(EXAMPLES, tiles.len()), Vec::new());
    let reached =
        validate(engine.as_mut(), &tiles, &map, &metric, BATCHING, &progress, |index, tile, found| {
            if shown.contains(&index) {
                examples.push(Example::new(&tile.to_image(), &tile.to_mask(), &found.mask));
            }
            evaluation.add(&tile.classes, found.mask.as_raw(), [tile.height, tile.width])
        })?;
    drop(progress);

    fs::create_dir_all(&arguments.output)?;
    let figures = arguments.output.join("evaluation.json");
    let result = json!({
        "model": arguments.model, "model_version": engine.info().version, "label_map": map.name(),
        "images": reached.images, "dice": reached.val_metric, "counted": reached.counted,
        "classes": reached.classes, "mpp": mpp, "metrics": evaluation.figures(),
    });
    fs::write(&figures, format!("{result:#}\n"))?;
    let picture = arguments.output.join("evaluation.png");
    sheet(&examples, &classes, map.background())?.save(&picture)?;

    println!("{} on {} images\n\n{}", engine.info().version, reached.images, evaluation.table());
    println!("pooled Dice       {:.4}  ({})", reached.val_metric, table::counted(&metric, &map));
    println!("figures           {}", figures.display());
    println!("picture           {}  (image, truth, prediction)", picture.display());
    Ok(())
}

/// Returns the label map of the command line, else of the model package, else the one with as many classes.
fn label_map(arguments: &EvaluateArguments, classes: usize) -> Result<LabelMap> {
    let map = if let Some(name) = &arguments.label_map {
        LabelMap::load(name, LABEL_MAP)?
    } else if let Some(map) = label_map_of_package(arguments)? {
        map
    } else {
        let name = match classes {
            2 => "bcss-tumor",
            3 => "bcss-3class",
            5 => "bcss-5class",
            _ => {
                return Err(Error::Usage(format!(
                    "the model has {classes} classes and names no label map; choose one with {LABEL_MAP}"
                )));
            }
        };
        LabelMap::load(name, LABEL_MAP)?
    };
    if map.classes().len() != classes {
        return Err(Error::Usage(format!(
            "the label map {} has {} classes, the model {classes}; choose another with {LABEL_MAP}",
            map.name(),
            map.classes().len()
        )));
    }
    Ok(map)
}

fn label_map_of_package(arguments: &EvaluateArguments) -> Result<Option<LabelMap>> {
    let path = match arguments.model.is_dir() {
        true => arguments.model.join(METADATA_FILE),
        false => arguments.model.with_file_name(METADATA_FILE),
    };
    let metadata: Option<PackageMetadata> =
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some((labels, classes)) = metadata.and_then(|metadata| Some((metadata.labels?, metadata.classes)))
    else {
        return Ok(None);
    };
    Ok(Some(LabelMap::from_package(&labels, &classes, LABEL_MAP)?))
}
