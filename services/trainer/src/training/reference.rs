//! The drift reference: features of the training tiles and of what the finished model finds in them, measured
//! by the functions that the predictor measures with.

use anyhow::Result;
use bcs_contracts::reference::MAX_ROWS;
use bcs_contracts::{DriftReference, FeatureTable, Features};
use bcs_data::TileSet;
use bcs_imaging::features::measure;
use bcs_inference::{Engine, SlidingWindow};

use super::validate::{image_of, segment};
use crate::output::progress::Progress;

/// Measures the training tiles, or as many of them, evenly spread, as a reference keeps.
pub(super) fn measure_reference(
    engine: &mut dyn Engine,
    window: SlidingWindow,
    tiles: &TileSet,
    version: &str,
) -> Result<DriftReference> {
    let count = tiles.len().min(MAX_ROWS);
    let progress = Progress::new("Drift reference", count, "tiles");
    let (mut image, mut model) = (FeatureTable::default(), FeatureTable::default());
    let size = engine.info().tile.map(|side| side as u32);
    for place in 0..count {
        let tile = tiles.get(place * tiles.len() / count)?;
        image.push(None, &measure(&image_of(&tile)?, size));
        let mut features = Features::new();
        let classes = engine.info().classes.clone();
        segment(engine, window, &tile)?.add_features(&classes, &mut features);
        model.push(None, &features);
        progress.step();
    }
    Ok(bcs_drift::reference::build(version, image, model)?)
}
