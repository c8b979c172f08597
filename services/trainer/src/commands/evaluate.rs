//! `bcs-trainer evaluate`: Dice and IoU of any model by class.

use std::path::Path;

use anyhow::{Context, Result};
use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::METADATA_FILE;
use bcs_data::{LabelMap, TileSet, index};
use bcs_inference::{SlidingWindow, libtorch};
use bcs_model::device;
use fs_err as fs;
use serde_json::json;

use crate::cli::EvaluateArguments;
use crate::error::usage;
use crate::output::progress::Progress;
use crate::output::sheet::sheet;
use crate::output::table::scores;
use crate::training::validate::{examples, validate};

/// Tiles in the picture.
const EXAMPLES: usize = 8;

/// Bytes of decoded tiles kept in memory: each is used once or twice.
const CACHE: u64 = 1_000_000_000;

/// Evaluates.
pub(super) fn run(arguments: &EvaluateArguments) -> Result<()> {
    let device = device::parse(&arguments.device).map_err(usage)?;
    let mut engine = libtorch::open(&arguments.model, device).map_err(usage)?;
    let map = label_map(arguments, engine.info().classes.len())?;
    let pairs = index::pairs(&arguments.images, &arguments.masks).map_err(usage)?;
    let progress = Progress::new("Checking tiles", pairs.len(), "tiles");
    let tiles = TileSet::load(pairs, &map, CACHE, || progress.step())?;
    drop(progress);

    let progress = Progress::new("Evaluating", tiles.len(), "tiles");
    let window = SlidingWindow::default();
    let reached = validate(engine.as_mut(), window, &tiles, &map, &progress)?;
    drop(progress);

    fs::create_dir_all(&arguments.output)?;
    let path = arguments.output.join("evaluation.json");
    let result = json!({
        "model": arguments.model, "model_version": engine.info().version, "label_map": map.name(),
        "images": reached.images, "dice": reached.val_metric, "classes": reached.classes,
    });
    fs::write(&path, format!("{result:#}\n"))?;
    let picture = arguments.output.join("evaluation.png");
    let shown = examples(engine.as_mut(), window, &tiles, EXAMPLES)?;
    sheet(&shown, &engine.info().classes, map.background())?
        .save(&picture)
        .context("the picture can't be written")?;

    println!("{} on {} images\n\n{}\n", engine.info().version, reached.images, scores(&reached.classes));
    println!("pooled Dice  {:.4}", reached.val_metric);
    println!("figures      {}", path.display());
    println!("picture      {}  (tile, truth, prediction)", picture.display());
    Ok(())
}

/// The label map that was asked for, that the package brings, or that goes with the number of classes.
fn label_map(arguments: &EvaluateArguments, classes: usize) -> Result<LabelMap> {
    let from_package = || -> Option<PackageMetadata> {
        let beside = if arguments.model.is_dir() {
            arguments.model.join(METADATA_FILE)
        } else {
            arguments.model.with_file_name(METADATA_FILE)
        };
        serde_json::from_slice(&fs::read(Path::new(&beside)).ok()?).ok()
    };
    let map = if let Some(name) = &arguments.label_map {
        LabelMap::load(name).map_err(usage)?
    } else if let Some((labels, known)) =
        from_package().and_then(|package| Some((package.labels?, package.classes)))
    {
        LabelMap::from_package(&labels, &known).map_err(usage)?
    } else {
        let name = match classes {
            2 => "bcss-tumor",
            3 => "bcss-3class",
            5 => "bcss-5class",
            _ => {
                return Err(usage(format!(
                    "the model has {classes} classes; say which codes they are with --label-map"
                )));
            }
        };
        LabelMap::load(name).map_err(usage)?
    };
    if map.classes().len() != classes {
        return Err(usage(format!(
            "the label map {} has {} classes, the model {classes}; choose another with --label-map",
            map.name(),
            map.classes().len()
        )));
    }
    Ok(map)
}
