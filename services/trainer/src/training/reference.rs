//! Drift reference: image features of the training tiles, and model features of the validation tiles, since a network is
//! over-confident on the tiles it was trained on. Both are measured by the functions that the predictor uses. The validation
//! tiles also tell how well the probabilities of the classes fit.

use bcs_contracts::reference::{ClassCalibration, MAX_ROWS};
use bcs_contracts::{FeatureTable, Features, IGNORE, TissueClass};
use bcs_data::{Tile, TileSet};
use bcs_drift::quality::{Areas, Calibration};
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

/// Expected and counted areas of each class in the validation tiles.
pub(super) struct LabelledAreas<'a> {
    classes: &'a [TissueClass],
    tiles: Vec<Vec<(Areas, Areas)>>,
}

impl<'a> LabelledAreas<'a> {
    pub(super) fn new(classes: &'a [TissueClass]) -> Self {
        Self { classes, tiles: vec![Vec::new(); classes.len()] }
    }

    /// Adds a tile. One with ignored pixels does not count: what is expected there cannot be compared.
    pub(super) fn add(&mut self, tile: &Tile, segmentation: &Segmentation) {
        if tile.classes.contains(&IGNORE) {
            return;
        }
        let predicted = segmentation.mask.as_raw();
        let areas = segmentation.fractions(self.classes);
        for ((tiles, class), index) in self.tiles.iter_mut().zip(&areas).zip(0..) {
            let counted = Areas::counted(predicted, &tile.classes, index);
            tiles.extend(Areas::expected(class).map(|expected| (expected, counted)));
        }
    }

    /// Returns the calibration of each class; none without a tile.
    pub(super) fn calibration(&self) -> Vec<ClassCalibration> {
        let fitted = self.classes.iter().zip(&self.tiles).filter(|(_, tiles)| !tiles.is_empty());
        fitted.map(|(class, tiles)| Calibration::of_class(&class.name, tiles)).collect()
    }
}
