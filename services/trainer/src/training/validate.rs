//! Inference on a data set, with the code that serves, and its scores.

use std::sync::Arc;

use bcs_contracts::package::{ClassScores, Validation};
use bcs_data::loader::Share;
use bcs_data::prefetch::Prefetch;
use bcs_data::{LabelMap, Tile, TileSet};
use bcs_inference::{Engine, Segmentation, SlidingWindow};
use bcs_model::metrics::{Overlap, ValMetric};
use image::RgbImage;
use rayon::prelude::*;

use crate::error::Result;
use crate::output::progress::Progress;

/// Maximum number of pixels in a batch of several tiles, so that large regions are not all in memory at once.
const MAX_BATCH_PIXELS: usize = 1 << 24;

/// How a data set is batched for inference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batching {
    /// Number of tiles in a batch, which is also the number of windows that the network processes together.
    pub tiles: usize,
    /// Number of threads that decode tiles ahead.
    pub workers: usize,
}

/// Scores of a model on a data set.
#[derive(Debug, Clone)]
pub(crate) struct Scores {
    /// Mean pooled Dice of the counted classes, in [0, 1]; see [`ValMetric`].
    pub val_metric: f64,
    /// Names of the counted classes.
    pub counted: Vec<String>,
    /// Scores per class.
    pub classes: Vec<ClassScores>,
    /// Number of tiles.
    pub images: usize,
}

impl From<Validation> for Scores {
    fn from(validation: Validation) -> Self {
        let Validation { val_metric, images, counted, classes, .. } = validation;
        Self { val_metric, counted, classes, images }
    }
}

/// Segments all tiles and scores the result. `visit` gets each tile with its segmentation, in order.
///
/// # Errors
/// Those of `visit`; [`crate::error::Error::Data`] if a tile cannot be decoded, [`crate::error::Error::Inference`] if the
/// model fails.
pub(crate) fn validate(
    engine: &mut dyn Engine,
    tiles: &Arc<TileSet>,
    map: &LabelMap,
    metric: &ValMetric,
    batching: Batching,
    progress: &Progress,
    mut visit: impl FnMut(usize, &Tile, &Segmentation) -> Result<()>,
) -> Result<Scores> {
    let all: Vec<usize> = (0..tiles.len()).collect();
    let mut overlap = Overlap::new(map.classes().len());
    overlap_of(&mut overlap, engine, (tiles, &all), batching, progress, &mut visit)?;
    Ok(scores(&overlap, map, metric))
}

/// Segments some of the tiles and adds them to the counts. `visit` gets each tile with its segmentation, in order.
///
/// # Errors
/// As [`validate`].
pub(super) fn overlap_of(
    overlap: &mut Overlap,
    engine: &mut dyn Engine,
    (tiles, indices): (&Arc<TileSet>, &[usize]),
    batching: Batching,
    progress: &Progress,
    mut visit: impl FnMut(usize, &Tile, &Segmentation) -> Result<()>,
) -> Result<()> {
    segment(engine, tiles, indices, batching, |index, tile, segmentation| {
        overlap.add(&tile.classes, segmentation.mask.as_raw())?;
        visit(index, tile, segmentation)?;
        progress.step();
        Ok(())
    })
}

/// Returns the scores of counts.
pub(super) fn scores(overlap: &Overlap, map: &LabelMap, metric: &ValMetric) -> Scores {
    let scores = overlap.scores();
    let named =
        |(class, score): (&bcs_contracts::TissueClass, &bcs_model::metrics::OverlapScores)| ClassScores {
            name: class.name.clone(),
            dice: score.dice,
            iou: score.iou,
            dice_per_image: score.dice_per_image,
            images: score.images,
        };
    Scores {
        val_metric: metric.value(&scores),
        counted: metric.counted().iter().map(|class| map.classes()[*class].name.clone()).collect(),
        classes: map.classes().iter().zip(&scores).map(named).collect(),
        images: overlap.images(),
    }
}

/// Returns the tiles that a process validates. Those that are `shown` are the first one's, which keeps their pictures; apart
/// from that all have as many.
pub(super) fn own_tiles(count: usize, shown: &[usize], Share { rank, size }: Share) -> Vec<usize> {
    if size == 1 {
        return (0..count).collect();
    }
    let others = (0..count).filter(|index| !shown.contains(index));
    let tiles: Vec<usize> = shown.iter().copied().chain(others).collect();
    let (first, rest) = tiles.split_at(count.div_ceil(size).max(shown.len()));
    let mut own = match rank.checked_sub(1) {
        None => first.to_vec(),
        Some(rank) => rest[Share { rank, size: size - 1 }.of(rest.len())].to_vec(),
    };
    own.sort_unstable();
    own
}

/// Segments tiles in batches, while the next ones are decoded. `visit` gets each tile with its segmentation, in the
/// order of `indices`.
///
/// # Errors
/// Those of `visit`; [`crate::error::Error::Data`] if a tile cannot be decoded, [`crate::error::Error::Inference`] if the
/// model fails.
pub(crate) fn segment(
    engine: &mut dyn Engine,
    tiles: &Arc<TileSet>,
    indices: &[usize],
    batching: Batching,
    mut visit: impl FnMut(usize, &Tile, &Segmentation) -> Result<()>,
) -> Result<()> {
    let window = SlidingWindow { batch: batching.tiles, ..SlidingWindow::default() };
    let batches = Arc::new(batches(tiles, indices, batching.tiles));
    let decoded = {
        let (tiles, batches) = (Arc::clone(tiles), Arc::clone(&batches));
        Prefetch::new(batches.len(), batching.workers, move |batch| {
            batches[batch].iter().map(|index| tiles.get(*index)).collect::<Result<Vec<_>, _>>()
        })
    };
    for (batch, tiles) in batches.iter().zip(decoded) {
        let tiles = tiles?;
        let images: Vec<RgbImage> = tiles.iter().map(|tile| tile.to_image()).collect();
        let logits = window.run_all(engine, &images)?;
        let segmentations =
            logits.par_iter().map(Segmentation::from_logits).collect::<Result<Vec<_>, _>>()?;
        for ((index, tile), segmentation) in batch.iter().zip(&tiles).zip(&segmentations) {
            visit(*index, tile, segmentation)?;
        }
    }
    Ok(())
}

/// Groups tiles into batches of up to `most` tiles and [`MAX_BATCH_PIXELS`] pixels, but at least one tile.
fn batches(tiles: &TileSet, indices: &[usize], most: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut pixels = 0;
    for index in indices {
        let [height, width] = tiles.size(*index);
        match batches.last_mut() {
            Some(batch) if batch.len() < most && pixels + height * width <= MAX_BATCH_PIXELS => {
                batch.push(*index);
                pixels += height * width;
            }
            _ => {
                batches.push(vec![*index]);
                pixels = height * width;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tile_is_validated_by_one_process() {
        for (count, size) in [(1, 2), (5, 4), (7, 3), (100, 4), (100, 1)] {
            let shown: Vec<usize> = (0..count.min(5)).map(|at| at * count / 5).collect();
            let of = |rank| own_tiles(count, &shown, Share { rank, size });
            assert!(shown.iter().all(|index| of(0).contains(index)));
            let mut all: Vec<usize> = (0..size).flat_map(of).collect();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>(), "{count} tiles, {size} processes");
        }
        assert_eq!(own_tiles(100, &[0, 50], Share { rank: 3, size: 4 }).len(), 25);
    }
}
