//! The report of a sweep, `sweep.html`: a page without external resources.

use std::path::Path;

use bcs_plot::{Axis, Line, ParallelCoordinates, Value};
use maud::{Markup, html};

use super::record::{Record, Trial, TrialState};
use super::results;
use super::settings::Direction;
use crate::error::Result;
use crate::folders::write_whole;
use crate::report::page;

/// Name of the file.
pub(super) const FILE: &str = "sweep.html";

/// Style of this page.
const STYLE: &str = include_str!("report.css");

/// Largest number of different numbers that have ticks of their own.
const FEW: usize = 6;

/// Writes the report.
///
/// # Errors
/// [`crate::error::Error::Io`].
pub(super) fn write(record: &Record, folder: &Path) -> Result<()> {
    write_whole(&folder.join(FILE), page(record, folder).as_bytes())
}

fn page(record: &Record, folder: &Path) -> String {
    let headline = headline(record);
    let contents = html! {
        header {
            p.title { "Sweep " (folder.display()) }
            h1 { (headline) }
            @if let Some(best) = results::ranked(record).first() { (best_trial(best)) }
        }
        (facts(record))
        section aria-labelledby="values" {
            h2 #values { "Values and " (record.settings.objective) }
            p { "A line per trial, coloured by its best epoch. Trials without a rank are dotted." }
            div.plot-card { (plot(record).render()) }
        }
        section aria-labelledby="trials" { h2 #trials { "Trials" } (table(record)) }
        (errors(record))
    };
    page::document(&format!("{headline} · bcs sweep"), STYLE, &contents)
}

fn headline(record: &Record) -> String {
    let objective = &record.settings.objective;
    match results::ranked(record).first() {
        Some(Trial { objective: Some(value), number, .. }) => {
            format!("{objective} {value:.4} in trial {number}")
        }
        _ => "No trial is complete".to_owned(),
    }
}

/// Values and model package of the best trial.
fn best_trial(best: &Trial) -> Markup {
    html! {
        p { code { (best.describe()) } }
        @if let Some(package) = &best.package { p { "Model package: " code { (package.display()) } } }
    }
}

fn facts(record: &Record) -> Markup {
    let count = |state: TrialState| (state.word(), record.count(state).to_string());
    let hours: f64 = record.trials.iter().map(|trial| trial.seconds).sum::<f64>() / 3600.0;
    let mut facts: Vec<(&str, String)> =
        vec![count(TrialState::Completed), count(TrialState::Stopped), count(TrialState::Failed)];
    let left = record.trials.len() - facts.iter().map(|(_, count)| count.parse().unwrap_or(0)).sum::<usize>();
    facts.push(("not ended", left.to_string()));
    facts.push(("hours of training", format!("{hours:.2}")));
    facts.push(("started", record.created.strftime("%Y-%m-%d %H:%M UTC").to_string()));
    page::facts(&facts)
}

fn plot(record: &Record) -> ParallelCoordinates {
    let columns: Vec<(Axis, Vec<Option<Value>>)> =
        results::keys(record).iter().map(|key| column(key, &record.trials)).collect();
    let line = |(at, trial): (usize, &Trial)| Line {
        name: format!("trial {}, {}", trial.number, trial.state.word()),
        values: columns.iter().map(|(_, values)| values[at].clone()).collect(),
        score: trial.objective.filter(|_| results::has_rank(trial)),
    };
    let lines = record.trials.iter().enumerate().map(line).collect();
    ParallelCoordinates {
        title: String::new(),
        axes: columns.into_iter().map(|(axis, _)| axis).collect(),
        score: record.settings.objective.clone(),
        maximize: record.settings.direction == Direction::Maximize,
        lines,
    }
}

/// Axis of a key, and its value in each trial. Few different numbers are categories in their order, so that each has a tick.
fn column(key: &str, trials: &[Trial]) -> (Axis, Vec<Option<Value>>) {
    let given: Vec<Option<&serde_json::Value>> =
        trials.iter().map(|trial| trial.parameters.get(key)).collect();
    let mut present: Vec<&serde_json::Value> = given.iter().copied().flatten().collect();
    let is_numeric = present.iter().all(|value| value.is_number());
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
    if is_numeric {
        present.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    present.dedup();
    let as_numbers = is_numeric && present.len() > FEW;
    let value = |value: &serde_json::Value| match as_numbers {
        true => Value::Number(number(value)),
        false => Value::Text(results::display(value)),
    };
    let axis = Axis::fitting(key, &present.into_iter().map(value).collect::<Vec<_>>());
    (axis, given.into_iter().map(|given| given.map(value)).collect())
}

fn table(record: &Record) -> Markup {
    let (header, rows) = results::cells(record);
    let best = !results::ranked(record).is_empty();
    html! {
        div.scroll {
            table {
                thead { tr { @for name in &header { th scope="col" { (name) } } } }
                tbody {
                    @for (at, row) in rows.iter().enumerate() {
                        tr.best[best && at == 0] {
                            @for (name, cell) in header.iter().zip(row) { td data-label=(name) { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// Errors of the failed trials.
fn errors(record: &Record) -> Markup {
    let failed: Vec<(usize, &String)> =
        record.trials.iter().filter_map(|trial| Some((trial.number, trial.error.as_ref()?))).collect();
    html! {
        @if !failed.is_empty() {
            section aria-labelledby="errors" {
                h2 #errors { "Errors" }
                @for (number, error) in failed { h3 { "Trial " (number) } pre { (error) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bcs_plot::{AxisKind, Scale};
    use serde_json::json;

    use super::super::results::tests::record;
    use super::*;

    #[test]
    fn the_page_has_plot_table_and_errors() {
        let record = record();
        let page = page(&record, Path::new("multirun/2026-01-02/03-04-05"));
        assert!(page.contains("<h1>val_metric 0.7500 in trial 3</h1>"), "{page}");
        assert!(page.contains("the best is trial 3, completed"), "{page}");
        assert_eq!(page.matches("p-unscored\"").count(), 2, "the failed and the waiting trial");
        assert_eq!(page.matches("<tr").count(), 1 + record.trials.len());
        assert!(page.contains("the loss is NaN, &quot;so&quot;\nchoose another"), "{page}");
        assert!(!page.contains("<script") && !page.contains("http"), "external resources");
    }

    #[test]
    fn few_numbers_have_ticks_of_their_own() {
        let kind = |values: &[serde_json::Value]| {
            let trial = |value: &serde_json::Value| Trial {
                parameters: [("a".to_owned(), value.clone())].into_iter().collect(),
                ..record().trials[0].clone()
            };
            column("a", &values.iter().map(trial).collect::<Vec<_>>()).0.kind
        };
        let categories = |names: &[&str]| AxisKind::Category(names.iter().map(ToString::to_string).collect());
        assert_eq!(kind(&[json!(0.2), json!(0), json!(0.2)]), categories(&["0", "0.2"]));
        assert_eq!(kind(&[json!("b"), json!(1), json!("a")]), categories(&["b", "1", "a"]));
        let many: Vec<serde_json::Value> = (0..=FEW).map(|number| json!(number)).collect();
        assert_eq!(kind(&many), AxisKind::Number(Scale::Linear));
    }
}
