//! The table as Markdown.

use std::fmt::Write as _;

/// Estimated and measured Dice of one class on one side.
pub(crate) struct Row {
    /// Patient that the training did not have.
    pub patient: String,
    /// Whether the tiles are of this patient, or else of the others.
    pub unseen: bool,
    /// Name of the class.
    pub class: String,
    /// Number of tiles.
    pub tiles: usize,
    /// Mean confidence.
    pub confidence: f64,
    /// Dice estimated without calibration.
    pub raw: Option<f64>,
    /// Dice estimated with calibration.
    pub corrected: Option<f64>,
    /// Dice measured with the true masks.
    pub measured: Option<f64>,
}

const INTRODUCTION: &str = "\
# Estimated and measured Dice of unseen patients

Written by `scripts/bench held-out`. For each patient, a model was trained on the others. Dice is estimated from the probabilities, without masks, \
and measured with them: for the patient that the model has not seen, and for tiles of the other patients that were neither trained nor validated on. \
\u{201c}Corrected\u{201d} is with the calibration of the model package, from its validation tiles, which are of the patients of the training. \
[Drift](drift.md#quality-without-labels) says how the estimate works.

| held out | tiles of | class | tiles | confidence | estimated | corrected | measured | error |
|---|---|---|--:|--:|--:|--:|--:|--:|
";

/// Writes the page.
pub(crate) fn page(rows: &[Row]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for row in rows {
        let side = if row.unseen { "**the patient held out**" } else { "the patients of the training" };
        let error = row.error().map_or_else(|| "\u{2013}".to_owned(), signed);
        writeln!(
            page,
            "| {} | {side} | {} | {} | {:.3} | {} | {} | {} | {error} |",
            row.patient,
            row.class,
            row.tiles,
            row.confidence,
            figure(row.raw),
            figure(row.corrected),
            figure(row.measured),
        )
        .expect("a String can be written to");
    }
    page.push_str(&conclusion(rows));
    page
}

impl Row {
    /// Corrected estimate minus measurement.
    fn error(&self) -> Option<f64> {
        Some(self.corrected? - self.measured?)
    }
}

/// Where the estimate fails, with the largest errors of the table.
fn conclusion(rows: &[Row]) -> String {
    let largest = |unseen: bool| {
        let of_side = rows.iter().filter(|row| row.unseen == unseen);
        of_side
            .filter_map(|row| Some((row, row.error()?)))
            .max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))
    };
    let mut text = "\n## Where it fails\n".to_owned();
    if let Some((row, error)) = largest(false) {
        write!(
            text,
            "On new tiles of the patients of the training, the estimate was off by {:.2} at most (without {}). ",
            error.abs(),
            row.patient
        )
        .expect("a String can be written to");
    }
    if let Some((row, error)) = largest(true) {
        let direction = if error > 0.0 { "too high" } else { "too low" };
        write!(
            text,
            "On an unseen patient, it was off by up to {:.2} ({}, {direction}). ",
            error.abs(),
            row.patient
        )
        .expect("a String can be written to");
    }
    text.push_str(
        "\
The correction belongs to the patients whose tiles it was fitted to. What a network does not know of a new patient, its probabilities do not \
tell, neither by the estimate nor by the confidence. The intervals of a report say how much the estimate varies between cases, and not how far it may \
be off. So the drift monitor asks for labels, shows the estimate for the labelled images beside their measured Dice, and says when the labels \
contradict it.
",
    );
    text
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "\u{2013}".to_owned(), |value| format!("{value:.3}"))
}

fn signed(value: f64) -> String {
    format!("{value:+.3}").replace('-', "\u{2212}")
}
