//! The report of a run, in its output folder and in its folder of the model repository.

use std::path::Path;

use bcs_data::{Tile, TileSet};
use bcs_inference::Segmentation;
use bcs_model::metrics::ConfusionMatrix;
use fs_err as fs;

use super::checkpoint::Checkpoints;
use super::run::Run;
use crate::config::defaults;
use crate::error::{Error, Result};
use crate::evaluation::rows::{Row, image_score};
use crate::output::warn;
use crate::report::examples::Examples;
use crate::report::history::History;
use crate::report::run::{BestModel, RunReport};

/// File of the report.
const REPORT_FILE: &str = "report.html";

/// Files with the metrics of epochs and steps in the output folder, as far as they are there.
const METRICS: [&str; 2] = ["metrics.jsonl", "steps.jsonl"];

impl BestModel {
    /// Creates the results of a model without tiles.
    ///
    /// # Errors
    /// [`Error::Model`] if the number of classes is not in [2, 255].
    pub(super) fn new(classes: usize) -> Result<Self> {
        Ok(Self {
            scores: Vec::new(),
            confusion: ConfusionMatrix::new(classes)?,
            dice_per_tile: vec![Vec::new(); classes],
            examples: Examples::default(),
        })
    }

    /// Adds a tile. `counted` are the classes of the validation metric.
    ///
    /// # Errors
    /// [`Error::Model`] if the masks differ in size.
    pub(super) fn add(
        &mut self,
        (tiles, index): (&TileSet, usize),
        tile: &Tile,
        found: &Segmentation,
        counted: &[usize],
    ) -> Result<()> {
        let mut matrix = ConfusionMatrix::new(self.dice_per_tile.len())?;
        matrix.add(&tile.classes, found.mask.as_raw())?;
        for (class, dice) in self.dice_per_tile.iter_mut().enumerate() {
            dice.push(Row::of_pixels(&matrix, class).dice);
        }
        let score = image_score(&matrix, counted);
        self.examples.offer(index, &tiles.pair(index).name, score, tile, &found.mask);
        self.confusion += &matrix;
        Ok(())
    }
}

impl Run<'_> {
    /// Writes the report, if an epoch was validated. A run does not fail because its report cannot be written.
    pub(super) fn report(&self, checkpoints: &Checkpoints, output: &Path, stopped: Option<&Error>) {
        match self.write_report(checkpoints, output, stopped) {
            Ok(true) => println!("report      {}", output.join(REPORT_FILE).display()),
            Ok(false) => {}
            Err(error) => warn(&format!("the report cannot be written: {error}")),
        }
    }

    fn write_report(
        &self,
        checkpoints: &Checkpoints,
        output: &Path,
        stopped: Option<&Error>,
    ) -> Result<bool> {
        let read = |file: &str| fs::read_to_string(output.join(file)).unwrap_or_default();
        let metrics = METRICS.map(read).concat();
        if History::parse(&metrics).best().is_none() {
            return Ok(false);
        }
        let run = checkpoints.folder().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let report = RunReport {
            metrics,
            stopped: stopped.map(ToString::to_string),
            facts: self.facts(&run),
            classes: self.map.classes(),
            background: self.map.background(),
            config: &bcs_config::yaml::parse(&self.composed.saved_yaml()?, "config.yaml")?,
            defaults: &defaults()?,
            provenance: &self.metadata.provenance,
            output,
            best: self.best.as_ref(),
        };
        let page = report.render()?;
        for folder in [output, checkpoints.folder()] {
            fs::write(folder.join(REPORT_FILE), &page)?;
        }
        self.repository.upload_file(&run, REPORT_FILE, page.into_bytes())?;
        Ok(true)
    }

    /// What was trained, by name.
    fn facts(&self, run: &str) -> Vec<(&'static str, String)> {
        let hyp = &self.composed.config.train_hyp;
        let network = self.engine.network();
        vec![
            ("Run", run.to_owned()),
            ("Network", self.composed.architecture.name.clone()),
            ("Parameters", format!("{:.2} M", network.parameters() as f64 / 1e6)),
            ("Label map", self.map.name().to_owned()),
            ("Training tiles", self.dataset.train_tiles.to_string()),
            ("Validation tiles", self.dataset.validation.len().to_string()),
            ("Loss", hyp.loss.clone()),
            ("Optimizer", format!("{}, learning rate {}", hyp.optimizer, hyp.learning_rate)),
            ("Schedule", hyp.scheduler.clone()),
            ("Device", format!("{:?}", network.device()).to_lowercase()),
            ("Seed", hyp.seed.to_string()),
            ("Written", jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ]
    }
}
