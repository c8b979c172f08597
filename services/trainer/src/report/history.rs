//! What `metrics.jsonl` tells about the epochs of a run. Lines and keys that are not known are passed over, so that the report
//! does not depend on all that is logged.

use bcs_contracts::TissueClass;
use bcs_plot::{LineChart, Mark, Scale, Series};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::page::{colors, plots, score};

/// Ratio of the largest to the smallest learning rate from which its axis is logarithmic.
const LOG_RATIO: f64 = 20.0;

/// Largest number of epochs in the table; of more, only every so many are shown.
const MAX_ROWS: usize = 300;

/// Metrics of the epochs of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    epochs: Vec<Epoch>,
    /// Loss by step, where it was logged.
    step_losses: Vec<(f64, f64)>,
}

/// Metrics of an epoch; NaN where they were not logged.
#[derive(Debug, Clone)]
pub(crate) struct Epoch {
    /// Number, from 0.
    pub epoch: u64,
    /// Number of steps until its end.
    pub step: Option<u64>,
    /// Mean loss.
    pub loss: f64,
    /// Learning rate at its end.
    pub learning_rate: f64,
    /// Validation metric.
    pub val_metric: f64,
    /// Pooled Dice by class.
    pub dice: Vec<(String, f64)>,
}

impl History {
    /// Reads the lines of `metrics.jsonl`. Of an epoch that was logged twice, the later line counts.
    pub(crate) fn parse(text: &str) -> Self {
        let mut history = Self::default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
        for line in lines {
            match (line.get("epoch").and_then(Value::as_u64), line.contains_key("val_metric")) {
                (Some(epoch), true) => {
                    history.epochs.retain(|known| known.epoch != epoch);
                    history.epochs.push(Epoch::of(epoch, &line));
                }
                _ => {
                    let step = line.get("step").and_then(Value::as_f64);
                    history.step_losses.extend(step.map(|step| (step, number(&line, "loss"))));
                }
            }
        }
        history
    }

    /// The epochs, as logged.
    pub(crate) fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The epoch with the highest validation metric; of equal ones, the first.
    pub(crate) fn best(&self) -> Option<&Epoch> {
        self.epochs
            .iter()
            .filter(|epoch| epoch.val_metric.is_finite())
            .reduce(|best, epoch| if epoch.val_metric > best.val_metric { epoch } else { best })
    }

    /// Curves of loss, validation metric, Dice of `classes` and learning rate.
    pub(crate) fn curves(&self, classes: &[TissueClass]) -> Markup {
        let series = |name: &str, value: &dyn Fn(&Epoch) -> f64| Series {
            name: name.to_owned(),
            points: self.epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).collect(),
        };
        let mark = self
            .best()
            .map(|best| Mark { x: best.epoch as f64, label: format!("best, epoch {}", best.epoch) });
        let chart = |title: &str, series: Vec<Series>| LineChart {
            title: title.to_owned(),
            x_label: "epoch".to_owned(),
            series,
            mark: mark.clone(),
            ..LineChart::default()
        };
        let of_class = |class: &TissueClass| series(&class.name, &|epoch| epoch.dice_of(&class.name));
        let dice = classes.iter().map(of_class).collect();
        let score_range = Some([0.0, 1.0]);
        let rates = chart("Learning rate", vec![series("learning rate", &|epoch| epoch.learning_rate)]);
        let mut charts = vec![
            chart("Training loss", vec![series("loss", &|epoch| epoch.loss)]).render(),
            LineChart {
                y_range: score_range,
                ..chart("val_metric", vec![series("val_metric", &|epoch| epoch.val_metric)])
            }
            .render(),
            LineChart {
                y_range: score_range,
                colors: colors(classes),
                ..chart("Pooled Dice per class", dice)
            }
            .render(),
            LineChart { y_scale: self.rate_scale(), ..rates }.render(),
        ];
        if !self.step_losses.is_empty() {
            let points = self.step_losses.clone();
            let series = vec![Series { name: "loss".to_owned(), points }];
            let x_label = "step".to_owned();
            charts
                .push(LineChart { x_label, mark: None, ..chart("Training loss per step", series) }.render());
        }
        plots(&charts)
    }

    fn rate_scale(&self) -> Scale {
        let rates = || self.epochs.iter().map(|epoch| epoch.learning_rate).filter(|rate| *rate > 0.0);
        let (low, high) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
        if high / low >= LOG_RATIO { Scale::Log } else { Scale::Linear }
    }

    /// The epochs as a table, folded.
    pub(crate) fn table(&self) -> Markup {
        let best = self.best().map(|best| best.epoch);
        let every = self.epochs.len().div_ceil(MAX_ROWS).max(1);
        let last = self.epochs.len().saturating_sub(1);
        let is_shown = |(index, epoch): &(usize, &Epoch)| {
            index.is_multiple_of(every) || *index == last || best == Some(epoch.epoch)
        };
        let shown = self.epochs.iter().enumerate().filter(is_shown).map(|(_, epoch)| epoch);
        let classes: Vec<String> = self
            .epochs
            .first()
            .map_or_else(Vec::new, |epoch| epoch.dice.iter().map(|(name, _)| name.clone()).collect());
        html! {
            details {
                summary {
                    "All epochs "
                    span { "(" (self.epochs.len()) @if every > 1 { ", of which every " (every) "th is shown" } ")" }
                }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Epoch" }
                        @for name in ["Steps", "Loss", "Learning rate", "val_metric"] { th.number scope="col" { (name) } }
                        @for class in &classes { th.number scope="col" { (class) small { "Dice" } } }
                    } }
                    tbody {
                        @for epoch in shown {
                            tr.best[best == Some(epoch.epoch)] {
                                th scope="row" { (epoch.epoch) }
                                td.number data-label="Steps" { @if let Some(step) = epoch.step { (step) } @else { "–" } }
                                (score("Loss", Some(epoch.loss)))
                                td.number data-label="Learning rate" { (scientific(epoch.learning_rate)) }
                                (score("val_metric", Some(epoch.val_metric)))
                                @for class in &classes { (score(class, Some(epoch.dice_of(class)))) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

impl Epoch {
    fn of(epoch: u64, line: &Map<String, Value>) -> Self {
        let dice = line.get("val_dice").and_then(Value::as_object).into_iter().flatten();
        Self {
            epoch,
            step: line.get("step").and_then(Value::as_u64),
            loss: number(line, "loss"),
            learning_rate: number(line, "learning_rate"),
            val_metric: number(line, "val_metric"),
            dice: dice.map(|(class, value)| (class.clone(), value.as_f64().unwrap_or(f64::NAN))).collect(),
        }
    }

    fn dice_of(&self, class: &str) -> f64 {
        self.dice.iter().find(|(name, _)| name == class).map_or(f64::NAN, |(_, dice)| *dice)
    }
}

fn number(line: &Map<String, Value>, key: &str) -> f64 {
    line.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn scientific(value: f64) -> String {
    if value.is_finite() { format!("{value:.3e}") } else { "–".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"step": 1, "loss": 1.5}
{"epoch": 0, "step": 2, "loss": 1.25, "learning_rate": 0.001, "val_metric": 0.5, "val_dice": {"tumour": 0.5, "fat": null}}
not JSON
{"epoch": 1, "step": 4, "loss": 0.75, "learning_rate": 0.00001, "val_metric": 0.625, "val_dice": {"tumour": 0.625}, "new": [1]}
{"epoch": 2, "step": 6, "loss": 0.5, "val_metric": 0.625}
{"epoch": 2, "step": 6, "loss": 0.25, "val_metric": 0.625}
"#;

    #[test]
    fn what_is_not_known_is_passed_over() {
        let history = History::parse(LINES);
        let losses: Vec<f64> = history.epochs().iter().map(|epoch| epoch.loss).collect();
        assert_eq!(
            (losses, history.step_losses.as_slice()),
            (vec![1.25, 0.75, 0.25], [(1.0, 1.5)].as_slice())
        );
        assert_eq!(history.best().unwrap().epoch, 1, "the first of equal epochs is the best");
        assert!(history.epochs()[0].dice_of("fat").is_nan() && history.epochs()[2].learning_rate.is_nan());
        assert_eq!(history.rate_scale(), Scale::Log);
    }

    #[test]
    fn the_table_has_the_logged_values() {
        let table = History::parse(LINES).table().into_string();
        for text in ["1.2500", "1.000e-3", "0.6250", "1.000e-5", "class=\"best\"><th scope=\"row\">1<"] {
            assert!(table.contains(text), "{text}: {table}");
        }
        assert!(!table.contains("NaN"), "{table}");
    }

    #[test]
    fn the_table_of_a_long_run_has_its_best_and_its_last_epoch() {
        let line = |epoch: usize| {
            format!("{{\"epoch\": {epoch}, \"val_metric\": {}}}\n", if epoch == 7 { 0.9 } else { 0.1 })
        };
        let table = History::parse(&(0..2_000).map(line).collect::<String>()).table().into_string();
        assert!(table.matches("<th scope=\"row\">").count() <= MAX_ROWS + 2, "{table}");
        assert!(table.contains("<th scope=\"row\">7<") && table.contains("<th scope=\"row\">1999<"));
    }

    #[test]
    fn a_run_without_epochs_has_no_best_one() {
        let history = History::parse("");
        assert!(history.best().is_none() && history.curves(&[]).into_string().contains("no values"));
    }
}
