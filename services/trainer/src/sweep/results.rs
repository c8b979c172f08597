//! The results of a sweep: a ranked table, `results.csv` and `results.json`.

use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::record::{Record, Trial, TrialState};
use crate::error::Result;
use crate::folders::write_whole;
use crate::output::table::aligned;

/// Table for programs.
const CSV_FILE: &str = "results.csv";

/// The same as JSON.
const JSON_FILE: &str = "results.json";

/// Trial with its rank.
#[derive(Serialize)]
struct Row<'a> {
    rank: Option<usize>,
    #[serde(flatten)]
    trial: &'a Trial,
}

/// Returns the trials that have a rank, the best one first. Of equal objectives, the earlier trial is better.
pub(super) fn ranked(record: &Record) -> Vec<&Trial> {
    let direction = record.settings.direction;
    let mut trials: Vec<&Trial> = record.trials.iter().filter(|trial| has_rank(trial)).collect();
    trials.sort_by(|a, b| {
        let (a, b) = (a.objective.unwrap_or(f64::NAN), b.objective.unwrap_or(f64::NAN));
        direction.is_better(b, a).cmp(&direction.is_better(a, b))
    });
    trials
}

/// Whether a trial is ranked: it has ended as it should, and has an objective.
pub(super) fn has_rank(trial: &Trial) -> bool {
    trial.state.is_final() && trial.objective.is_some()
}

/// All trials: those with a rank in its order, then the others.
fn rows(record: &Record) -> Vec<Row<'_>> {
    let ranked = ranked(record).into_iter().enumerate().map(|(at, trial)| Row { rank: Some(at + 1), trial });
    let others = record.trials.iter().filter(|trial| !has_rank(trial));
    ranked.chain(others.map(|trial| Row { rank: None, trial })).collect()
}

/// Keys of the swept values, in their order.
pub(super) fn keys(record: &Record) -> Vec<String> {
    record.trials.first().map(|trial| trial.parameters.keys().cloned().collect()).unwrap_or_default()
}

/// Returns the shortest last part of each key that names it alone.
pub(super) fn short_names(keys: &[String]) -> Vec<String> {
    let last = |key: &str, parts: usize| {
        let all: Vec<&str> = key.split('.').collect();
        all[all.len().saturating_sub(parts)..].join(".")
    };
    let short = |key: &String| {
        let most = key.split('.').count();
        let is_unique =
            |parts: &usize| keys.iter().filter(|other| last(other, *parts) == last(key, *parts)).count() == 1;
        last(key, (1..most).find(is_unique).unwrap_or(most))
    };
    keys.iter().map(short).collect()
}

/// Returns the text of a value: strings without quotes.
pub(super) fn display(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Cells of the printed table and of the report: header and rows.
pub(super) fn cells(record: &Record) -> (Vec<String>, Vec<Vec<String>>) {
    let keys = keys(record);
    let dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let row = |Row { rank, trial }: &Row<'_>| {
        let first = [dash(rank.map(|rank| rank.to_string())), trial.number.to_string()];
        let values = keys.iter().map(|key| dash(trial.parameters.get(key).map(display)));
        let last = [
            dash(trial.objective.map(|value| format!("{value:.4}"))),
            dash(trial.best_epoch.map(|epoch| format!("{epoch:02}"))),
            trial.epochs.to_string(),
            format!("{:.1}", trial.seconds),
            trial.state.word().to_owned(),
        ];
        first.into_iter().chain(values).chain(last).collect()
    };
    let mut header = vec!["rank".to_owned(), "trial".to_owned()];
    header.extend(short_names(&keys));
    header.push(record.settings.objective.clone());
    header.extend(["best epoch", "epochs", "seconds", "state"].map(str::to_owned));
    (header, rows(record).iter().map(row).collect())
}

/// Formats the ranked table, and the errors of failed trials below it.
pub(super) fn table(record: &Record) -> String {
    let (header, rows) = cells(record);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut lines = vec![aligned(&header, &rows, 0)];
    let mut errors: IndexMap<&str, Vec<String>> = IndexMap::new();
    for trial in record.trials.iter().filter(|trial| trial.state == TrialState::Failed) {
        let error = trial.error.as_deref().and_then(|error| error.lines().next()).unwrap_or_default();
        errors.entry(error).or_default().push(trial.number.to_string());
    }
    if !errors.is_empty() {
        lines.push(String::new());
    }
    lines
        .extend(errors.iter().map(|(error, trials)| format!("failed: trial {}: {error}", trials.join(", "))));
    lines.join("\n")
}

/// Writes `results.csv` and `results.json`.
///
/// # Errors
/// [`crate::error::Error::Io`]; [`crate::error::Error::Json`].
pub(super) fn write(record: &Record, folder: &Path) -> Result<()> {
    write_whole(&folder.join(CSV_FILE), &csv(record)?)?;
    write_whole(&folder.join(JSON_FILE), &serde_json::to_vec_pretty(&rows(record))?)
}

/// One line per trial, with the swept values under their full keys.
fn csv(record: &Record) -> Result<Vec<u8>> {
    let keys = keys(record);
    let mut header = vec!["rank", "trial"];
    header.extend(keys.iter().map(String::as_str));
    header.push(&record.settings.objective);
    header.extend(["best_epoch", "epochs", "seconds", "peak_memory_mb", "state", "package", "error"]);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let io = |error: csv::Error| std::io::Error::from(error);
    writer.write_record(&header).map_err(io)?;
    for Row { rank, trial } in rows(record) {
        let mut cells = vec![optional(rank), trial.number.to_string()];
        cells.extend(keys.iter().map(|key| trial.parameters.get(key).map(display).unwrap_or_default()));
        cells.extend([
            optional(trial.objective),
            optional(trial.best_epoch),
            trial.epochs.to_string(),
            format!("{:.3}", trial.seconds),
            optional(trial.peak_memory_mb),
            trial.state.word().to_owned(),
            optional(trial.package.as_ref().map(|path| path.display())),
            trial.error.clone().unwrap_or_default(),
        ]);
        writer.write_record(&cells).map_err(io)?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// Returns the text of a value; an empty one if there is none.
fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::super::plan::Planned;
    use super::super::settings::{Direction, tests::settings};
    use super::*;

    /// A sweep with a trial in each state.
    pub(in crate::sweep) fn record() -> Record {
        let planned = |lr: &str| {
            let overrides = ["train_hyp.loss=Dice", lr];
            let overrides = bcs_config::overrides::parse_all(&overrides).unwrap();
            Planned { parameters: overrides.clone(), overrides }
        };
        let trial = |number: usize, state: TrialState, objective: Option<f64>, epochs: usize| Trial {
            state,
            objective,
            epochs,
            best_epoch: objective.map(|_| 0),
            error: (state == TrialState::Failed)
                .then(|| "the loss is NaN, \"so\"\nchoose another".to_owned()),
            ..Trial::new(
                number,
                number.to_string().into(),
                &planned(&format!("train_hyp.learning_rate=0.{}", number + 1)),
                4,
            )
        };
        let trials = vec![
            trial(0, TrialState::Failed, Some(0.99), 1),
            trial(1, TrialState::Completed, Some(0.5), 4),
            trial(2, TrialState::Stopped, Some(0.125), 2),
            trial(3, TrialState::Completed, Some(0.75), 4),
            trial(4, TrialState::Completed, Some(0.5), 4),
            trial(5, TrialState::Waiting, None, 0),
        ];
        Record::new(vec![], settings(), trials)
    }

    fn numbers(record: &Record) -> Vec<usize> {
        ranked(record).iter().map(|trial| trial.number).collect()
    }

    #[test]
    fn completed_and_stopped_trials_have_ranks() {
        let mut record = record();
        assert_eq!(numbers(&record), [3, 1, 4, 2]);
        record.settings.direction = Direction::Minimize;
        assert_eq!(numbers(&record), [2, 1, 4, 3]);
    }

    #[test]
    fn the_table_is_aligned_and_names_errors() {
        let text = table(&record());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "rank  trial  loss  learning_rate  val_metric  best epoch  epochs  seconds      state"
        );
        assert_eq!(
            lines[2],
            "   1      3  Dice            0.4      0.7500          00       4      0.0  completed"
        );
        assert_eq!(
            lines[6],
            "   –      0  Dice            0.1      0.9900          00       1      0.0     failed"
        );
        assert_eq!(
            lines[7],
            "   –      5  Dice            0.6           –           –       0      0.0    waiting"
        );
        assert_eq!(lines[9], "failed: trial 0: the loss is NaN, \"so\"");
    }

    #[test]
    fn the_files_have_all_trials_and_full_keys() {
        let folder = tempfile::tempdir().unwrap();
        write(&record(), folder.path()).unwrap();
        let mut reader = csv::Reader::from_path(folder.path().join(CSV_FILE)).unwrap();
        assert_eq!(&reader.headers().unwrap()[3], "train_hyp.learning_rate");
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((rows.len(), &rows[0][1], &rows[0][4]), (6, "3", "0.75"));
        assert_eq!(&rows[4][11], "the loss is NaN, \"so\"\nchoose another");
        let json: Value =
            serde_json::from_slice(&std::fs::read(folder.path().join(JSON_FILE)).unwrap()).unwrap();
        assert_eq!(json[0]["rank"], json!(1));
        assert_eq!(json[0]["parameters"], json!({"train_hyp.loss": "Dice", "train_hyp.learning_rate": 0.4}));
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let keys = ["train_hyp.seed", "data.seed", "model_hyp.channels", "db@source"].map(str::to_owned);
        assert_eq!(short_names(&keys), ["train_hyp.seed", "data.seed", "channels", "db@source"]);
    }
}
