//! Features of synthetic slides, and how well scores tell them apart.

use bcs_contracts::{FeatureTable, Features};
use bcs_imaging::features::measure;
use bcs_synthetic::Slide;
use image::{GenericImageView, RgbImage};
use rayon::prelude::*;

use super::shifts::Shift;

/// Side of a tile in pixels.
pub(crate) const TILE: u32 = 224;

/// Returns the features of a square image of a slide with this many tiles a side, after a shift.
pub(crate) fn image(seed: u64, slide: u64, tiles: u32, shift: Option<Shift>) -> Features {
    let side = tiles * TILE;
    let drawn = match shift {
        Some(Shift::HalfMagnification) => 2 * side,
        _ => side,
    };
    let (image, _) = Slide::new(seed, slide).render(drawn, drawn);
    let image = shift.map_or_else(|| image.clone(), |shift| shift.apply(&image));
    measure(&image, [TILE; 2])
}

/// Returns the features of the tiles of slides, `side` × `side` tiles of each.
pub(crate) fn reference(seed: u64, slides: u64, side: u32) -> FeatureTable {
    let tiles = |slide: u64| -> Vec<Features> {
        let (region, _) = Slide::new(seed, slide).render(side * TILE, side * TILE);
        let tile =
            |at: u32| -> RgbImage { region.view(at % side * TILE, at / side * TILE, TILE, TILE).to_image() };
        (0..side * side).map(|at| measure(&tile(at), [TILE; 2])).collect()
    };
    let measured: Vec<Vec<Features>> = (0..slides).into_par_iter().map(tiles).collect();
    let mut table = FeatureTable::default();
    for (slide, tiles) in measured.iter().enumerate() {
        tiles.iter().for_each(|tile| table.push(Some(format!("{slide:04}")), tile));
    }
    table
}

/// Area under the ROC curve: probability that a shifted image has a smaller p-value than a usual one.
pub(crate) fn auc(usual: &[f64], shifted: &[f64]) -> f64 {
    let wins = |p: &f64| {
        usual
            .iter()
            .map(|other| {
                if p < other {
                    1.0
                } else if p == other {
                    0.5
                } else {
                    0.0
                }
            })
            .sum::<f64>()
    };
    shifted.iter().map(wins).sum::<f64>() / (usual.len() * shifted.len()) as f64
}
