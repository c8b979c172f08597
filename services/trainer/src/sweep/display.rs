//! Progress of a sweep: a table of the running trials on a terminal, a line for each start and end of a trial elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::child::Child;
use super::record::{Record, Trial, TrialState};

/// Progress of a sweep.
pub(super) struct Display {
    /// Bars on a terminal.
    bars: Option<Bars>,
    objective: String,
    /// Number of digits of the largest trial number.
    digits: usize,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    trials: HashMap<usize, ProgressBar>,
}

impl Display {
    /// Begins to show the progress of a sweep.
    pub(super) fn new(record: &Record) -> Self {
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let style = style("{prefix:<12} {bar:24} {pos:>4}/{len} trials  {elapsed} elapsed  {msg}");
            let total = ProgressBar::new(record.trials.len() as u64).with_style(style).with_prefix("sweep");
            let total = all.add(total);
            total.enable_steady_tick(Duration::from_millis(200));
            total.set_position(ended(record));
            Bars { all, total, trials: HashMap::new() }
        });
        let digits = record.trials.len().saturating_sub(1).to_string().len();
        Self { bars, objective: record.settings.objective.clone(), digits }
    }

    /// Prints a line.
    pub(super) fn line(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }

    /// Reports the start of a trial.
    pub(super) fn started(&mut self, trial: &Trial) {
        let name = self.name(trial);
        match &mut self.bars {
            None => println!("{name}  {:<11}  {}", "starts", trial.describe()),
            Some(bars) => {
                let bar = ProgressBar::new(trial.max_epochs as u64)
                    .with_style(style("{prefix:<12} {bar:24} {pos:>4}/{len} epochs  {msg}"))
                    .with_prefix(name);
                bars.trials.insert(trial.number, bars.all.add(bar));
            }
        }
    }

    /// Reports the end of a trial.
    pub(super) fn ended(&mut self, trial: &Trial, record: &Record) {
        let outcome = match (&trial.error, trial.objective, trial.best_epoch) {
            (Some(error), ..) => error.lines().next().unwrap_or_default().to_owned(),
            (None, Some(value), Some(epoch)) => {
                let (objective, epochs) = (&self.objective, trial.epochs);
                format!("{objective} {value:.4} in epoch {epoch:02} of {epochs}, {:.0} s", trial.seconds)
            }
            _ => format!("{:.0} s", trial.seconds),
        };
        let (name, word) = (self.name(trial), trial.state.word());
        self.line(&format!("{name}  {word:<11}  {outcome}"));
        if let Some(bars) = &mut self.bars {
            if let Some(bar) = bars.trials.remove(&trial.number) {
                bar.finish_and_clear();
                bars.all.remove(&bar);
            }
            bars.total.set_position(ended(record));
        }
    }

    /// Shows how far the running trials are.
    pub(super) fn update(&self, children: &[Child], record: &Record) {
        let Some(bars) = &self.bars else { return };
        for child in children {
            let Some(bar) = bars.trials.get(&child.number) else { continue };
            let trial = &record.trials[child.number];
            let value =
                |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
            let last = value(child.metrics.curve.last().copied());
            let memory = child.peak_mb.unwrap_or_default();
            bar.set_position(child.metrics.curve.len() as u64);
            bar.set_message(format!(
                "{} {last} (best {})  {memory} MB  {}",
                self.objective,
                value(trial.objective),
                trial.describe(),
            ));
        }
        if let Some(best) = super::results::ranked(record).first()
            && let Some(value) = best.objective
        {
            bars.total.set_message(format!("best {value:.4} in trial {}", best.number));
        }
    }

    fn name(&self, trial: &Trial) -> String {
        format!("trial {:>width$}", trial.number, width = self.digits)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            bars.total.finish_and_clear();
        }
    }
}

/// Number of trials that have ended.
fn ended(record: &Record) -> u64 {
    let is_ended = |state| matches!(state, TrialState::Completed | TrialState::Stopped | TrialState::Failed);
    record.trials.iter().filter(|trial| is_ended(trial.state)).count() as u64
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─")
}
