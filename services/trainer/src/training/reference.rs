//! Drift reference: image features of the training tiles, and model features of the validation tiles, since a network is
//! over-confident on the tiles it was trained on. Both are measured by the functions that the predictor uses.

use bcs_contracts::reference::MAX_ROWS;
use bcs_contracts::{FeatureTable, Features, TissueClass};
use bcs_data::TileSet;
use bcs_imaging::features::measure;
use bcs_inference::Segmentation;
use rayon::prelude::*;

use crate::error::Result;
use crate::output::progress::Progress;
use crate::output::sheet::evenly_spaced;

/// Measures the image features of the training tiles, at most [`MAX_ROWS`] of them, evenly spaced. `window` is height and
/// width of the model window. `go_on` is asked before each tile.
///
/// # Errors
/// [`crate::error::Error::Data`] if a tile cannot be decoded; those of `go_on`.
pub(super) fn image_features(
    tiles: &TileSet,
    window: [u32; 2],
    go_on: impl Fn() -> Result<()> + Sync,
) -> Result<FeatureTable> {
    let indices = evenly_spaced(MAX_ROWS, tiles.len());
    let progress = Progress::new("Drift reference", indices.len(), "tiles");
    let measured = indices.par_iter().map(|index| {
        go_on()?;
        let features = measure(&tiles.get(*index)?.to_image(), window);
        progress.step();
        Ok(features)
    });
    let mut table = FeatureTable::default();
    for (index, features) in indices.iter().zip(measured.collect::<Result<Vec<_>>>()?) {
        table.push(tiles.case(*index), &features);
    }
    Ok(table)
}

/// Appends the model features of a validation tile.
pub(super) fn push_model_features(
    table: &mut FeatureTable,
    case: Option<String>,
    segmentation: &Segmentation,
    classes: &[TissueClass],
) {
    let mut features = Features::new();
    segmentation.add_features(classes, &mut features);
    table.push(case, &features);
}
