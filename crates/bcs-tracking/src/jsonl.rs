//! JSON lines: one per epoch in `metrics.jsonl`, one per tracked step in `steps.jsonl`. They hold no times, so that the
//! metrics of a run that went on from a checkpoint are those of one that was never interrupted.

use std::io::{BufWriter, Write};
use std::path::Path;

use fs_err as fs;
use serde_json::{Map, Value, json};

use crate::entry::{Entry, Epoch, Record, Step};
use crate::error::Result;
use crate::sink::{Outcome, Sink};

/// File of the epochs.
pub const METRICS_FILE: &str = "metrics.jsonl";

/// File of the steps.
pub const STEPS_FILE: &str = "steps.jsonl";

/// JSON lines in two files. The lines of epochs are kept in memory too, from where checkpoints copy them.
#[derive(Debug)]
pub struct Jsonl {
    metrics: fs::File,
    steps: BufWriter<fs::File>,
    text: String,
}

impl Jsonl {
    /// Creates the files in a folder. `before` is the text of the epochs before.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn create(folder: &Path, before: String) -> Result<Self> {
        let mut metrics = fs::File::create(folder.join(METRICS_FILE))?;
        metrics.write_all(before.as_bytes())?;
        let steps = BufWriter::new(fs::File::create(folder.join(STEPS_FILE))?);
        Ok(Self { metrics, steps, text: before })
    }

    /// Returns the lines of all epochs.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Sink for Jsonl {
    fn name(&self) -> &'static str {
        METRICS_FILE
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        match &entry.record {
            Record::Epoch(epoch) => {
                let line = format!("{}\n", epoch_line(entry.step, epoch));
                self.text.push_str(&line);
                self.metrics.write_all(line.as_bytes())?;
                self.steps.flush()?;
            }
            Record::Step(step) => writeln!(self.steps, "{}", step_line(entry.step, step))?,
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.steps.flush()?)
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<()> {
        self.flush()
    }
}

fn epoch_line(step: u64, epoch: &Epoch) -> Value {
    let by_class = |score: fn(&bcs_contracts::package::ClassScores) -> Option<f64>| -> Map<String, Value> {
        epoch.classes.iter().map(|class| (class.name.clone(), json!(score(class)))).collect()
    };
    json!({
        "epoch": epoch.epoch, "step": step, "loss": epoch.loss, "learning_rate": epoch.learning_rate,
        "val_metric": epoch.val_metric, "val_dice": by_class(|class| class.dice),
        "val_iou": by_class(|class| class.iou),
    })
}

fn step_line(number: u64, step: &Step) -> Value {
    let mut line = json!({ "step": number, "loss": step.loss, "learning_rate": step.learning_rate });
    if let Some(norm) = step.gradient_norm {
        line["gradient_norm"] = json!(norm);
    }
    line
}
