//! A report as text for terminals: an aligned table, and the verdict below it.

use std::collections::BTreeMap;

use bcs_drift::DriftReport;
use bcs_drift::drift::CASES;
use bcs_drift::quality::{ClassQuality, Quality, Trust};
use bcs_drift::report::{FeatureDrift, Skipped};
use bcs_drift::sequential::{Alarm, OverTime};
use bcs_drift::{verdict, words};

/// Headings of the columns; the statistic is that of the preset.
fn header(report: &DriftReport) -> [&'static str; 4] {
    let statistic = if report.judgement.is_some() { "shift (SD)" } else { "statistic" };
    ["feature", statistic, "p-value", "verdict"]
}

/// Returns the compared features, those not compared, the notes, alarms over time and the verdict.
pub fn table(report: &DriftReport) -> String {
    let mut lines = Vec::new();
    if !report.features.is_empty() {
        let rows: Vec<_> = report.features.iter().map(cells).collect();
        lines.extend(aligned(header(report), &rows));
        lines.push(String::new());
    }
    lines.extend(not_compared(&report.skipped));
    lines.extend(report.quality.iter().flat_map(|quality| &quality.classes).filter_map(dice));
    lines.extend(report.notes.iter().map(|note| format!("Note: {note}.")));
    lines.extend(report.over_time.iter().flat_map(OverTime::alarms).map(alarm));
    lines.push(verdict::sentence(report));
    lines.join("\n")
}

fn alarm(alarm: &Alarm) -> String {
    let Alarm { family, feature, cases } = alarm;
    format!("Alarm over time: {family}, after {cases} cases, mostly by {}.", words::name(feature))
}

fn cells(feature: &FeatureDrift) -> [String; 4] {
    [
        feature.name.clone(),
        format!("{:.4}", feature.statistic),
        feature.p_value.map_or_else(|| "–".to_owned(), p_value),
        state(feature).to_owned(),
    ]
}

/// Estimated and measured Dice of a class in a line; `None` without an estimate.
fn dice(class: &ClassQuality) -> Option<String> {
    let figure = |quality: Quality| match quality.interval {
        Some([low, high]) => format!("{:.2} ({low:.2} to {high:.2})", quality.dice),
        None => format!("{:.2}", quality.dice),
    };
    let estimated = figure(class.estimated?);
    let measured = class.measured.map_or_else(String::new, |found| format!(", measured {}", figure(found)));
    let doubt = if class.trust() == Trust::TooHigh { ": the estimate is too high" } else { "" };
    Some(format!("Dice of {}: estimated {estimated}{measured}{doubt}.", class.name))
}

/// State of a feature in a word; without a p-value, its cases were too few.
fn state(feature: &FeatureDrift) -> &'static str {
    match feature {
        FeatureDrift { drifted: true, .. } => "drift",
        FeatureDrift { p_value: None, test, .. } if test == CASES => "not judged",
        _ => "stable",
    }
}

/// Formats a p-value with four significant digits if it is small, otherwise four decimals.
fn p_value(p: f64) -> String {
    if p == 0.0 || p >= 1e-3 { format!("{p:.4}") } else { format!("{p:.3e}") }
}

/// Aligns names left and numbers right.
fn aligned(header: [&str; 4], rows: &[[String; 4]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or_default()
    };
    let [name, statistic, p, _] = [0, 1, 2, 3].map(width);
    let line = |cells: [&str; 4]| {
        format!("{:<name$}  {:>statistic$}  {:>p$}  {}", cells[0], cells[1], cells[2], cells[3])
    };
    let rule = "─".repeat([0, 1, 2, 3].map(width).iter().sum::<usize>() + 6);
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    [line(header), rule].into_iter().chain(rows).collect()
}

/// Returns one line per reason, with all features that were not compared for it.
fn not_compared(skipped: &[Skipped]) -> impl Iterator<Item = String> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Skipped { name, reason } in skipped {
        names.entry(reason).or_default().push(name);
    }
    names.into_iter().map(|(reason, names)| format!("Not compared: {} ({reason}).", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use bcs_drift::{About, Options, Preset, Table, detect};

    use super::*;

    fn report(preset: Preset, shift: f64) -> DriftReport {
        let table = |shift: f64| {
            let image = |i: u32| {
                let value = f64::from(i) / 40.0;
                Features::from([("grey_mean".into(), value + shift), ("confidence".into(), value)])
            };
            Table::from_features((0..40).map(|at| (Some(format!("case {}", at % 10)), image(at)))).unwrap()
        };
        let about = About::new("r", jiff::Timestamp::UNIX_EPOCH);
        detect(&table(0.0), &table(shift), Options { preset, ..Options::new(about) }).unwrap()
    }

    #[test]
    fn columns_are_aligned() {
        let text = table(&report(Preset::Evidently, 0.5));
        let expected = "\
feature     statistic   p-value  verdict
────────────────────────────────────────
grey_mean      0.5000  6.577e-5  drift
confidence     0.0000    1.0000  stable

Drift in 1 of 2 features: 50\u{202f}% of the features drifted, and the limit is 50\u{202f}%; look at recent images before \
you rely on their masks.";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_verdict_over_cases_says_what_to_do() {
        let text = table(&report(Preset::Clustered, 0.5));
        assert!(
            text.contains("shift (SD)")
                && text.contains("Drift in stain and colour: the brightness of the whole image is"),
            "{text}"
        );
        assert!(text.contains("check stain and scanner"), "{text}");
        let text = table(&report(Preset::Clustered, 0.0));
        assert!(
            text.ends_with("No drift: no action, since 10 cases show no difference beyond chance."),
            "{text}"
        );
    }

    #[test]
    fn features_not_compared_and_notes_are_listed() {
        let mut report = report(Preset::Evidently, 0.0);
        report.features.clear();
        report.skipped =
            ["file", "slide"].map(|name| Skipped { name: name.into(), reason: "text".into() }).into();
        report.notes.push("the reference is old".into());
        assert_eq!(
            table(&report),
            "Not compared: file, slide (text).\nNote: the reference is old.\n\
             No drift: no action, since no feature has enough values on both sides; 2 features could not be compared."
        );
    }
}
