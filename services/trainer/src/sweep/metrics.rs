//! The objective of a trial per epoch, from its `metrics.jsonl`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};

/// File with one line of JSON per epoch.
const FILE: &str = "metrics.jsonl";

/// The objective of a trial per epoch.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    path: PathBuf,
    objective: String,
    /// Objective of each epoch; NaN where the metrics have null.
    pub curve: Vec<f64>,
    /// Number of epochs before the trial was resumed.
    before: usize,
}

impl Metrics {
    /// Reads the metrics of the trial in a folder.
    ///
    /// # Errors
    /// Those of [`Self::update`].
    pub(super) fn read(folder: &Path, objective: &str) -> Result<Self> {
        let path = folder.join(FILE);
        let mut metrics = Self { path, objective: objective.to_owned(), curve: Vec::new(), before: 0 };
        metrics.update()?;
        metrics.before = metrics.curve.len();
        Ok(metrics)
    }

    /// Whether an epoch has been trained since they were first read.
    pub(super) fn has_new(&self) -> bool {
        self.curve.len() > self.before
    }

    /// Reads the metrics, and returns whether there are more epochs than before.
    ///
    /// # Errors
    /// [`Error::Usage`] if they have no such objective.
    pub(super) fn update(&mut self) -> Result<bool> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        // A last line without its end is still being written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let epochs: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        let curve = epochs.iter().map(|epoch| self.value(epoch)).collect::<Result<Vec<f64>>>()?;
        let grows = curve.len() > self.curve.len();
        self.curve = curve;
        Ok(grows)
    }

    fn value(&self, epoch: &Value) -> Result<f64> {
        // The name of a class may have dots itself.
        let found = match self.objective.split_once('.') {
            Some((group, name)) => epoch.get(group).and_then(|group| group.get(name)),
            None => epoch.get(&self.objective),
        };
        match found {
            Some(Value::Null) => Ok(f64::NAN),
            Some(Value::Number(number)) => Ok(number.as_f64().unwrap_or(f64::NAN)),
            _ => Err(Error::Usage(format!(
                "sweep.objective is {}; the metrics have {}",
                self.objective,
                keys(epoch).join(", ")
            ))),
        }
    }
}

/// Keys of numbers, those of a group with its name.
fn keys(epoch: &Value) -> Vec<String> {
    let entries = epoch.as_object().into_iter().flatten();
    let keys = entries.flat_map(|(key, value)| match value {
        Value::Object(group) => group.keys().map(|name| format!("{key}.{name}")).collect(),
        _ => vec![key.clone()],
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(text: &str, objective: &str) -> Result<Vec<f64>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        Ok(Metrics::read(folder.path(), objective)?.curve)
    }

    #[test]
    fn whole_lines_are_epochs() {
        let folder = tempfile::tempdir().unwrap();
        let mut metrics = Metrics::read(folder.path(), "val_metric").unwrap();
        let mut text = String::new();
        for (added, grows, epochs) in [
            ("{\"val_metric\":0.5}\n{\"val_metric\":nu", true, 1),
            ("ll}\n{\"val_metric\":0.", true, 2),
            ("1", false, 2),
        ] {
            text.push_str(added);
            std::fs::write(folder.path().join(FILE), &text).unwrap();
            assert_eq!((metrics.update().unwrap(), metrics.curve.len()), (grows, epochs), "{text}");
        }
        assert!(metrics.has_new() && metrics.curve[0] == 0.5 && metrics.curve[1].is_nan());
        assert!(!Metrics::read(folder.path(), "val_metric").unwrap().has_new());
    }

    #[test]
    fn classes_have_their_group_before_a_dot() {
        let text = "{\"loss\":1.0,\"val_dice\":{\"a.b\":0.25}}\n";
        assert_eq!(curve(text, "val_dice.a.b").unwrap(), [0.25]);
        let error = curve(text, "val_metrics").unwrap_err().to_string();
        assert_eq!(error, "sweep.objective is val_metrics; the metrics have loss, val_dice.a.b");
    }
}
