//! Judging a model by tiles it did not learn from, through the very path that serves.

use anyhow::Result;
use bcs_contracts::package::ClassScores;
use bcs_data::{LabelMap, Tile, TileSet};
use bcs_inference::{Engine, Segmentation, SlidingWindow};
use bcs_model::metrics::{Overlap, mean};
use image::{GrayImage, RgbImage};

use crate::output::progress::Progress;
use crate::output::sheet::Example;

/// What a model reached.
pub(crate) struct Scores {
    /// Pooled Dice, averaged over the classes that are not background. In [0, 1].
    pub val_metric: f64,
    /// By class.
    pub classes: Vec<ClassScores>,
    /// Tiles.
    pub images: usize,
}

/// Segments every tile and counts.
pub(crate) fn validate(
    engine: &mut dyn Engine,
    window: SlidingWindow,
    tiles: &TileSet,
    map: &LabelMap,
    progress: &Progress,
) -> Result<Scores> {
    let mut overlap = Overlap::new(map.classes().len());
    for index in 0..tiles.len() {
        let tile = tiles.get(index)?;
        let segmentation = segment(engine, window, &tile)?;
        overlap.add(&tile.classes, segmentation.mask.as_raw())?;
        progress.step();
    }
    let scores = overlap.scores();
    let foreground: Vec<Option<f64>> = map.foreground().map(|class| scores[class].dice).collect();
    let with_name =
        |(class, score): (&bcs_contracts::TissueClass, &bcs_model::metrics::OverlapScores)| ClassScores {
            name: class.name.clone(),
            dice: score.dice,
            iou: score.iou,
            dice_per_image: score.dice_per_image,
            images: score.images,
        };
    Ok(Scores {
        val_metric: mean(&foreground).unwrap_or(0.0),
        classes: map.classes().iter().zip(&scores).map(with_name).collect(),
        images: overlap.images(),
    })
}

/// Segments a tile.
pub(crate) fn segment(engine: &mut dyn Engine, window: SlidingWindow, tile: &Tile) -> Result<Segmentation> {
    let image = image_of(tile)?;
    Ok(Segmentation::from_logits(&window.run(engine, &image)?)?)
}

/// A few tiles, evenly spread, with what was found in them.
pub(crate) fn examples(
    engine: &mut dyn Engine,
    window: SlidingWindow,
    tiles: &TileSet,
    count: usize,
) -> Result<Vec<Example>> {
    let count = count.min(tiles.len());
    let example = |place: usize| {
        let tile = tiles.get(place * tiles.len() / count)?;
        let segmentation = segment(engine, window, &tile)?;
        let truth = GrayImage::from_raw(tile.width as u32, tile.height as u32, tile.classes.clone());
        let truth = truth.ok_or_else(|| anyhow::anyhow!("a tile's mask has lost pixels"))?;
        Ok(Example { image: image_of(&tile)?, truth, prediction: segmentation.mask })
    };
    (0..count).map(example).collect()
}

/// The tile as an image.
pub(crate) fn image_of(tile: &Tile) -> Result<RgbImage> {
    let image = RgbImage::from_raw(tile.width as u32, tile.height as u32, tile.pixels.clone());
    image.ok_or_else(|| anyhow::anyhow!("a tile has lost pixels"))
}
