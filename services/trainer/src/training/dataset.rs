//! Training and validation tiles of a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bcs_contracts::tile_name;
use bcs_data::index::{self, Pair};
use bcs_data::shards::Stream;
use bcs_data::split::{By, split};
use bcs_data::{LabelMap, TileSet};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::output::progress::Progress;
use crate::output::table::table;
use crate::remote::{dvc, tiles};

/// Training and validation tiles of a run.
pub(super) struct Dataset {
    /// Training tiles; of those that stream, examples.
    pub train: Arc<TileSet>,
    /// Number of training tiles.
    pub train_tiles: usize,
    /// Validation tiles.
    pub validation: Arc<TileSet>,
    /// Resolution in µm/px, where known.
    pub mpp: Option<f64>,
}

impl Dataset {
    /// Pairs, splits, decodes and checks the tiles. The cache is that of the machine, which `processes` share. Tiles of a bucket
    /// are downloaded, and folders that are missing are pulled if DVC tracks them.
    ///
    /// # Errors
    /// [`Error::Data`] with every file that cannot be used; [`Error::Usage`] if a folder is missing or empty;
    /// [`Error::Dvc`]; [`Error::Storage`].
    pub(super) fn load(config: &Config, map: &LabelMap, processes: usize) -> Result<Self> {
        let (train, validation) = pairs(config)?;
        let mpp = config.data.mpp.or_else(|| train.first().and_then(|pair| tile_name::mpp(&pair.name)));
        // Both sets share the cache; validation tiles get what training tiles leave.
        let budget = cache_bytes(config, processes);
        let train = load("Checking train tiles", train, map, budget)?;
        let area = |index| train.size(index).iter().product::<usize>() as u64;
        let used = (0..train.len()).map(area).sum::<u64>() * 4;
        let validation = load("Checking val tiles", validation, map, budget.saturating_sub(used))?;
        let train_tiles = train.len();
        Ok(Self { train: Arc::new(train), train_tiles, validation: Arc::new(validation), mpp })
    }

    /// Takes `most` training tiles as examples of those that stream, and loads the validation tiles as [`load`](Self::load)
    /// does.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(super) fn of_stream(
        config: &Config,
        map: &LabelMap,
        processes: usize,
        (stream, most): (&Stream, usize),
    ) -> Result<Self> {
        let hyp = &config.train_hyp;
        let validation = find(&hyp.validation_img_location, &hyp.validation_mask_location)?;
        let budget = cache_bytes(config, processes);
        let validation = load("Checking val tiles", validation, map, budget)?;
        let class_pixels = stream.index().class_pixels(map)?;
        let train = TileSet::of_examples(stream.examples(most)?, class_pixels, map);
        let mpp = config.data.mpp.or_else(|| (!train.is_empty()).then(|| tile_name::mpp(train.name(0)))?);
        let train_tiles = stream.index().tiles();
        Ok(Self { train: Arc::new(train), train_tiles, validation: Arc::new(validation), mpp })
    }

    /// Formats a table of class fractions and numbers of tiles.
    pub(super) fn describe(&self, map: &LabelMap) -> String {
        let fraction = |set: &TileSet, class: usize| {
            let total: u64 = set.class_pixels().iter().sum();
            format!("{:.1} %", 100.0 * set.class_pixels()[class] as f64 / total.max(1) as f64)
        };
        let row = |(class, name): (usize, &String)| {
            vec![name.clone(), fraction(&self.train, class), fraction(&self.validation, class)]
        };
        let names: Vec<String> = map.classes().iter().map(|class| class.name.clone()).collect();
        let mut rows: Vec<Vec<String>> = names.iter().enumerate().map(row).collect();
        rows.push(vec!["tiles".to_owned(), self.train_tiles.to_string(), self.validation.len().to_string()]);
        table(&["class", "train", "val"], &rows)
    }
}

/// Memory for decoded tiles of each of the processes of a machine.
fn cache_bytes(config: &Config, processes: usize) -> u64 {
    config.data.cache_mb.saturating_mul(1_000_000) / processes as u64
}

fn load(label: &str, pairs: Vec<Pair>, map: &LabelMap, budget: u64) -> Result<TileSet> {
    let progress = Progress::new(label, pairs.len(), "tiles");
    Ok(TileSet::load(pairs, map, budget, || progress.step())?)
}

/// Pairs of image and mask for training and for validation.
///
/// # Errors
/// [`Error::Data`] with every file that has no counterpart; [`Error::Usage`] if a folder is missing or empty.
pub(crate) fn pairs(config: &Config) -> Result<(Vec<Pair>, Vec<Pair>)> {
    let hyp = &config.train_hyp;
    let train = find(&hyp.train_img_location, &hyp.train_mask_location)?;
    match config.data.split {
        By::Folder => Ok((train, find(&hyp.validation_img_location, &hyp.validation_mask_location)?)),
        by => Ok(split(train, by, &config.data.held_out)?),
    }
}

/// Returns the folder of a location, after fetching what is not on this machine.
fn fetch(location: &Path) -> Result<PathBuf> {
    let folder = tiles::fetch(location)?;
    dvc::pull_missing(&folder)?;
    Ok(folder)
}

fn find(images: &Path, masks: &Path) -> Result<Vec<Pair>> {
    index::pairs(&fetch(images)?, &fetch(masks)?).map_err(|error| match error {
        bcs_data::Error::Folder { .. } => Error::Usage(format!(
            "{error}; choose the folder of train, train_mask, val and val_mask with data.root=DIR, or each folder with \
             train_hyp.train_img_location=DIR, …"
        )),
        error => error.into(),
    })
}
