//! `bcs-trainer --cfg augment`: a picture of what the augmentation makes of some training tiles.

use std::sync::Arc;

use bcs_data::index::Pair;
use bcs_data::loader::{Loader, LoaderOptions, Share, order};
use bcs_data::transforms::Augmentation;
use bcs_data::{LabelMap, Tile, TileSet};
use serde_json::Value;

use crate::config::Composed;
use crate::error::Result;
use crate::output::contact_sheet::{Row, Section, contact_sheet};
use crate::output::sheet::evenly_spaced;
use crate::training::pairs;

/// Number of tiles, and of variants of each.
const TILES: usize = 4;
const VARIANTS: u64 = 6;

/// Number of tiles of which each one shown is that with the most tissue of several classes.
const CANDIDATES: usize = 8;

/// Writes the picture and prints its path.
pub(super) fn run(composed: &Composed) -> Result<()> {
    let map = LabelMap::load(&composed.config.data.label_map, "data.label_map")?;
    let augmentation = composed.config.augmentation.clone().unwrap_or_else(Augmentation::none);
    let tiles = Arc::new(interesting(&pairs(&composed.config)?.0, &map)?);
    let seed = composed.config.train_hyp.seed.cast_unsigned();
    let mut sections = vec![whole(&tiles, &augmentation, seed)?];
    let alone = alone(&tiles, &augmentation, seed)?;
    if !alone.rows.is_empty() {
        sections.push(alone);
    }
    let sheet = contact_sheet(&sections, map.classes(), map.background())?;
    let path = composed.job.create_run_folder()?.join("augmentation.png");
    sheet.save(&path)?;
    println!("picture     {}  (tiles and what they become in the first epochs)", path.display());
    Ok(())
}

/// Returns tiles from all parts of the training set, with several classes where there are such.
fn interesting(pairs: &[Pair], map: &LabelMap) -> Result<TileSet> {
    let load = |pairs: Vec<Pair>| TileSet::load(pairs, map, u64::MAX, || ());
    let candidates: Vec<Pair> = evenly_spaced(TILES * CANDIDATES, pairs.len())
        .into_iter()
        .map(|index| pairs[index].clone())
        .collect();
    let tiles = load(candidates)?;
    let per_tile = tiles.len().div_ceil(TILES).max(1);
    let mut chosen = Vec::new();
    for start in (0..tiles.len()).step_by(per_tile) {
        let mut best = (start, 0);
        for index in start..(start + per_tile).min(tiles.len()) {
            let mixture = mixture(&tiles.get(index)?.classes);
            if mixture > best.1 {
                best = (index, mixture);
            }
        }
        chosen.push(tiles.pair(best.0).clone());
    }
    Ok(load(chosen)?)
}

/// Number of pixels that are not of the largest class, in a thousand.
fn mixture(classes: &[u8]) -> usize {
    let mut counts = [0usize; 256];
    classes.iter().for_each(|class| counts[usize::from(*class)] += 1);
    let largest = counts.iter().max().copied().unwrap_or(0);
    (classes.len() - largest) * 1000 / classes.len().max(1)
}

/// Rows of the tiles as training sees them, one epoch a column.
fn whole(tiles: &Arc<TileSet>, augmentation: &Augmentation, seed: u64) -> Result<Section> {
    let epochs: Vec<Vec<Tile>> =
        (0..VARIANTS).map(|epoch| batch(tiles, augmentation, seed, epoch)).collect::<Result<_>>()?;
    let row = |index: usize| -> Result<Row> {
        let name = tiles.case(index).unwrap_or_else(|| tiles.pair(index).name.clone());
        Ok(Row {
            name: name.chars().take(24).collect(),
            details: Vec::new(),
            original: tiles.get(index)?.as_ref().clone(),
            variants: epochs.iter().map(|tiles| tiles[index].clone()).collect(),
        })
    };
    Ok(Section {
        heading: "The augmentation".to_owned(),
        columns: (0..VARIANTS).map(|epoch| format!("epoch {epoch}")).collect(),
        rows: (0..tiles.len()).map(row).collect::<Result<_>>()?,
    })
}

/// Rows of the transforms that are on, each alone and applied always, on one tile after the other.
fn alone(tiles: &Arc<TileSet>, augmentation: &Augmentation, seed: u64) -> Result<Section> {
    let options = serde_json::to_value(augmentation)?;
    let row = |(place, name): (usize, &str)| -> Result<Row> {
        let index = place % tiles.len();
        let original = tiles.get(index)?;
        let only = augmentation.only(name);
        let variants = (0..VARIANTS).map(|epoch| -> Result<Tile> {
            Ok(match Augmentation::mixes(name) {
                true => batch(tiles, &only, seed, epoch)?.swap_remove(index),
                false => only.apply(&original, seed, epoch, index as u64),
            })
        });
        Ok(Row {
            name: name.to_owned(),
            details: details(&options[name]),
            variants: variants.collect::<Result<_>>()?,
            original: original.as_ref().clone(),
        })
    };
    Ok(Section {
        heading: "Each transform alone, applied always".to_owned(),
        columns: (0..VARIANTS).map(|_| String::new()).collect(),
        rows: augmentation.active().into_iter().enumerate().map(row).collect::<Result<_>>()?,
    })
}

/// Returns all tiles as they are in an epoch, mixed with each other.
fn batch(tiles: &Arc<TileSet>, augmentation: &Augmentation, seed: u64, epoch: u64) -> Result<Vec<Tile>> {
    let mut augmentation = augmentation.clone();
    augmentation.crop.num_samples = 1;
    let options =
        LoaderOptions { batch_size: tiles.len(), share: Share::WHOLE, workers: 1, seed, augmentation };
    let mut in_order = vec![None; tiles.len()];
    for batch in Loader::new(Arc::clone(tiles), options)?.epoch(epoch, 0..1) {
        let batch = batch?;
        let area = batch.height * batch.width;
        for (place, index) in order(tiles.len(), seed, epoch).into_iter().enumerate() {
            in_order[index] = Some(Tile {
                width: batch.width,
                height: batch.height,
                pixels: batch.pixels[place * area * 3..][..area * 3].to_vec(),
                classes: batch.classes[place * area..][..area].to_vec(),
            });
        }
    }
    Ok(in_order.into_iter().flatten().collect())
}

/// Options as lines, `key value`.
fn details(options: &Value) -> Vec<String> {
    let options = options.as_object().into_iter().flatten();
    options.map(|(key, value)| format!("{key} {value}")).collect()
}
