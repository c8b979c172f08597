//! The tiles of a run, found, paired, split and checked before anything else is done.

use std::sync::Arc;

use anyhow::Result;
use bcs_contracts::tile_name;
use bcs_data::index::{self, Pair};
use bcs_data::split::{By, HELD_OUT_INSTITUTES, split};
use bcs_data::{LabelMap, TileSet};

use crate::config::Config;
use crate::error::usage;
use crate::output::progress::Progress;
use crate::output::table::table;

/// The tiles of a run.
pub(super) struct Dataset {
    /// To learn from.
    pub train: Arc<TileSet>,
    /// To be judged by.
    pub validation: Arc<TileSet>,
    /// Micrometres a pixel, where known.
    pub mpp: Option<f64>,
}

impl Dataset {
    /// Finds, pairs, splits and checks the tiles.
    pub(super) fn load(config: &Config, map: &LabelMap) -> Result<Self> {
        let (train, validation) = pairs(config)?;
        let mpp = config.data.mpp.or_else(|| tile_name::mpp(&train[0].name));
        // Both sets share the budget; validation comes second and takes what is left.
        let budget = config.data.cache_mb * 1_000_000;
        let train = load("Checking train tiles", train, map, budget)?;
        let area = |index| train.size(index).iter().product::<usize>() as u64;
        let used = (0..train.len()).map(area).sum::<u64>() * 4;
        let validation = load("Checking val tiles", validation, map, budget.saturating_sub(used))?;
        Ok(Self { train: Arc::new(train), validation: Arc::new(validation), mpp })
    }

    /// A table of tiles and classes.
    pub(super) fn describe(&self, map: &LabelMap) -> String {
        let share = |set: &TileSet, class: usize| {
            let total: u64 = set.class_pixels().iter().sum();
            format!("{:.1} %", 100.0 * set.class_pixels()[class] as f64 / total.max(1) as f64)
        };
        let row = |(class, name): (usize, &String)| {
            vec![name.clone(), share(&self.train, class), share(&self.validation, class)]
        };
        let names: Vec<String> = map.classes().iter().map(|class| class.name.clone()).collect();
        let mut rows: Vec<Vec<String>> = names.iter().enumerate().map(row).collect();
        rows.push(vec!["tiles".to_owned(), self.train.len().to_string(), self.validation.len().to_string()]);
        table(&["class", "train", "val"], &rows)
    }
}

fn load(label: &str, pairs: Vec<Pair>, map: &LabelMap, budget: u64) -> Result<TileSet> {
    let progress = Progress::new(label, pairs.len(), "tiles");
    Ok(TileSet::load(pairs, map, budget, || progress.step())?)
}

fn pairs(config: &Config) -> Result<(Vec<Pair>, Vec<Pair>)> {
    let hyp = &config.train_hyp;
    let find = |images, masks| {
        index::pairs(images, masks).map_err(|error| match error {
            bcs_data::Error::Folder { .. } => usage(format!(
                "{error}; say where the tiles are with data.root=DIR (train, train_mask, val and val_mask in it) \
                 or train_hyp.train_img_location=DIR …"
            )),
            error => error.into(),
        })
    };
    let train = find(&hyp.train_img_location, &hyp.train_mask_location)?;
    match config.data.split {
        By::Folder => Ok((train, find(&hyp.validation_img_location, &hyp.validation_mask_location)?)),
        by => {
            let standing = || HELD_OUT_INSTITUTES.map(str::to_owned).to_vec();
            let held_out = match config.data.held_out.is_empty() {
                false => config.data.held_out.clone(),
                true if by == By::Institute => standing(),
                true => return Err(usage("data.split=patient needs data.held_out=[TCGA-A2-A1G6, …]")),
            };
            split(train, by, &held_out).map_err(usage)
        }
    }
}
