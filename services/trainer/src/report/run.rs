//! The report of a training run.

use std::path::Path;

use bcs_config::Value;
use bcs_contracts::TissueClass;
use bcs_contracts::package::{ClassScores, Provenance};
use bcs_model::metrics::ConfusionMatrix;
use bcs_plot::{Distribution, Distributions, HeatMap};
use maud::{Markup, html};

use super::config::config;
use super::environment::environment;
use super::examples::{Examples, swatch};
use super::history::History;
use super::page::{Heading, Tone, colors, facts, number, page, plots, score, section};
use crate::error::Result;

/// A training run, as its report shows it.
pub(crate) struct RunReport<'a> {
    /// Metrics of the epochs, and of the steps where they were logged, as JSON lines.
    pub metrics: String,
    /// Why the run did not finish; `None` if it did.
    pub stopped: Option<String>,
    /// What was trained, by name.
    pub facts: Vec<(&'static str, String)>,
    /// Classes.
    pub classes: &'a [TissueClass],
    /// Background class.
    pub background: Option<usize>,
    /// Composed configuration.
    pub config: &'a Value,
    /// Configuration without config files and overrides.
    pub defaults: &'a Value,
    /// Origin of the model.
    pub provenance: &'a Provenance,
    /// Output folder, which may have `environment.json`.
    pub output: &'a Path,
    /// The best model on the validation tiles; `None` if the run did not finish.
    pub best: Option<&'a BestModel>,
}

/// The best model on the validation tiles.
pub(crate) struct BestModel {
    /// Scores of each class.
    pub scores: Vec<ClassScores>,
    /// Confusion matrix over all tiles.
    pub confusion: ConfusionMatrix,
    /// Dice of each tile, by class.
    pub dice_per_tile: Vec<Vec<f64>>,
    /// Best and worst tiles.
    pub examples: Examples,
}

impl RunReport<'_> {
    /// Renders the report as HTML.
    ///
    /// # Errors
    /// Those of [`Examples::render`].
    pub(crate) fn render(&self) -> Result<String> {
        let history = History::parse(&self.metrics);
        let contents = html! {
            (facts(&self.facts))
            (section("curves", "Curves", &html! { (history.curves(self.classes)) (history.table()) }))
            @if let Some(best) = self.best { (self.best_model(best)?) }
            @else { (self.without_best_model(&history)) }
            (section("configuration", "Configuration", &config(self.config, self.defaults)))
            (section("environment", "Environment", &environment(self.provenance, self.output)))
            (explanation())
        };
        Ok(page(&self.heading(&history), &contents))
    }

    fn heading(&self, history: &History) -> Heading<'_> {
        let epochs = history.epochs().len();
        let epochs = if epochs == 1 { "1 epoch".to_owned() } else { format!("{epochs} epochs") };
        let headline = match history.best() {
            Some(best) => format!("val_metric {:.4} in epoch {}", best.val_metric, best.epoch),
            None => "No validated epoch".to_owned(),
        };
        let explanation = match &self.stopped {
            Some(reason) => {
                html! { strong { "The run did not finish: " } (reason) ". The report covers its first " (epochs) "." }
            }
            None => {
                html! {
                    "The best of " (epochs) ": the mean Dice of the counted classes over all pixels of the validation tiles."
                }
            }
        };
        let tone = if self.stopped.is_some() { Tone::Alarm } else { Tone::Done };
        Heading { title: "Training run", headline, explanation, tone }
    }

    fn best_model(&self, best: &BestModel) -> Result<Markup> {
        let names: Vec<String> = self.classes.iter().map(|class| class.name.clone()).collect();
        let confusion = HeatMap {
            title: "Confusion matrix".to_owned(),
            row_label: "truth".to_owned(),
            column_label: "prediction".to_owned(),
            names: names.clone(),
            counts: best.confusion.rows().map(<[u64]>::to_vec).collect(),
        };
        let rows = names.into_iter().zip(&best.dice_per_tile);
        let rows = rows.map(|(name, dice)| Distribution { name, values: dice.clone() });
        let tiles = Distributions {
            title: "Dice of single tiles".to_owned(),
            range: [0.0, 1.0],
            colors: colors(self.classes),
            rows: rows.collect(),
        };
        let examples = best.examples.render(self.classes, self.background)?;
        Ok(html! {
            (section("classes", "Best model on the validation tiles", &html! {
                (self.class_table(&best.scores))
                (plots(&[confusion.render(), tiles.render()]))
            }))
            @if !best.examples.is_empty() { (section("tiles", "Worst and best validation tiles", &examples)) }
        })
    }

    fn class_table(&self, scores: &[ClassScores]) -> Markup {
        html! {
            table {
                thead { tr {
                    th scope="col" { "Class" }
                    th.number scope="col" { "Dice" small { "over all pixels" } }
                    th.number scope="col" { "IoU" small { "over all pixels" } }
                    th.number scope="col" { "Dice" small { "mean of tiles" } }
                    th.number scope="col" { "Tiles" small { "with the class" } }
                } }
                tbody {
                    @for (index, (class, scores)) in self.classes.iter().zip(scores).enumerate() {
                        tr {
                            th scope="row" { (swatch(class, Some(index) == self.background)) (class.name) }
                            (score("Dice", scores.dice))
                            (score("IoU", scores.iou))
                            (score("Dice per tile", scores.dice_per_image))
                            td.number data-label="Tiles" { (scores.images) }
                        }
                    }
                }
            }
        }
    }

    /// Dice by class of the best epoch, as logged.
    fn without_best_model(&self, history: &History) -> Markup {
        let Some(best) = history.best() else { return html! {} };
        section(
            "classes",
            "Best epoch on the validation tiles",
            &html! {
                table {
                    thead { tr { th scope="col" { "Class" } th.number scope="col" { "Dice" small { "over all pixels" } } } }
                    tbody {
                        @for (class, dice) in &best.dice {
                            tr { th scope="row" { (class) } td.number data-label="Dice" { (number(Some(*dice), 4)) } }
                        }
                    }
                }
                p { "Confusion matrix and tiles are measured when a run finishes; resume it with train_hyp.resume=auto." }
            },
        )
    }
}

fn explanation() -> Markup {
    html! {
        footer {
            h2 { "How to read this" }
            p {
                "Dice over all pixels adds up the pixels of all tiles before it divides, so that large regions count more; "
                "the mean of tiles counts each tile with the class equally. Rows of the confusion matrix are the ground "
                "truth and add up to 100\u{202f}%. Pixels without a label are not counted."
            }
            p {
                "The best epoch was chosen on these tiles, so that its scores are optimistic. Evaluate the model on "
                "patients that were not used for training or validation: bcs-trainer evaluate."
            }
        }
    }
}
