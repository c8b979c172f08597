//! The tables as Markdown.

use std::fmt::Write;

use bcs_drift::judgement::Options;
use statrs::distribution::{Beta, ContinuousCDF};

use crate::population::{CONTAMINATION, Population, TILES};
use crate::shifts::{Kind, SHIFTS};
use crate::trials::{Outcomes, Window, outcomes};

/// Numbers of slides of the reference.
const REFERENCES: [usize; 2] = [18, 100];

/// Numbers of slides of a window.
const SIZES: [usize; 4] = [1, 4, 10, 30];

/// Shares of tiles of a contaminated window.
const SHARES: [f64; 3] = [0.05, 0.1, 0.2];

/// Judges all windows and returns the page.
pub(crate) fn page(population: &Population, [undrifted, drifted]: [u64; 2]) -> String {
    let mut page = format!(
        "# False alarms and power of the drift judgement\n\n\
         Written by `scripts/bench drift-power`. A population of {} synthetic slides (`bcs-synthetic`), {TILES} tiles each, {} \
         features a tile: those of `bcs-imaging`, and the areas of the classes in the mask, as a perfect model sees them. For each \
         figure, a reference and a window of other slides are drawn {undrifted} times without drift and {drifted} times with it, and `bcs_drift::judgement` judges at its level \
         of {} %. In parentheses: 95 % interval (Clopper and Pearson, 1934).\n\n\
         A window of one slide is never judged: one slide cannot tell drift from a patient.\n\n",
        population.slides.len(),
        population.features(),
        100.0 * Options::default().alpha,
    );
    page += "## Alarms without drift\n\n| window | reference | 1 slide | 4 slides | 10 slides | 30 slides |\n|---|---|---|---|---|---|\n";
    for (title, what) in
        [("undrifted", Window::Undrifted), ("undrifted, images of 1 to 6 tiles", Window::MixedSizes)]
    {
        for reference in REFERENCES {
            let cells =
                SIZES.map(|size| with_interval(outcomes(population, reference, size, what, undrifted)));
            _ = writeln!(page, "| {title} | {reference} | {} |", cells.join(" | "));
        }
    }
    let mut cell = |reference, size, what| outcomes(population, reference, size, what, drifted);
    page += "\n## Alarms with drift of all tiles\n\n| shift | strength | ";
    page += &headings();
    for (kind, (kind_of, name, strengths)) in SHIFTS.iter().enumerate() {
        for (strength, value) in strengths.iter().enumerate() {
            let what = match kind_of {
                Kind::TumourShare => Window::Tumour(*value),
                _ => Window::Shifted(kind, strength),
            };
            _ = writeln!(page, "| {name} | {value} | {} |", row(&mut cell, what));
        }
    }
    _ = write!(
        page,
        "\n## Alarms with drift of some tiles\n\nTiles are blurred by σ {CONTAMINATION} at random.\n\n| drift | tiles | {}",
        headings()
    );
    for share in SHARES {
        _ = writeln!(
            page,
            "| blur | {} % | {} |",
            share * 100.0,
            row(&mut cell, Window::Contaminated(share))
        );
    }
    page
}

fn headings() -> String {
    let columns =
        REFERENCES.map(|reference| SIZES[1..].iter().map(move |size| format!("{reference} / {size}")));
    let columns: Vec<String> = columns.into_iter().flatten().collect();
    format!("{} |\n|---|---|{}\n", columns.join(" | "), "--:|".repeat(columns.len()))
}

/// Shares of alarms for all references and the windows of more than one slide: reference / window.
fn row(cell: &mut impl FnMut(usize, usize, Window) -> Outcomes, what: Window) -> String {
    let cells = REFERENCES.map(|reference| {
        SIZES[1..].iter().map(|size| percent(cell(reference, *size, what))).collect::<Vec<_>>()
    });
    cells.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

fn percent(outcomes: Outcomes) -> String {
    format!("{:.0} %", 100.0 * outcomes.alarms as f64 / outcomes.windows as f64)
}

fn with_interval(outcomes: Outcomes) -> String {
    if outcomes.not_judged == outcomes.windows {
        return "not judged".to_owned();
    }
    let (alarms, windows) = (outcomes.alarms as f64, outcomes.windows as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p));
    let low = if alarms == 0.0 { 0.0 } else { quantile(alarms, windows - alarms + 1.0, 0.025) };
    let high = if alarms == windows { 1.0 } else { quantile(alarms + 1.0, windows - alarms, 0.975) };
    format!("{:.1} % ({:.1} to {:.1} %)", 100.0 * alarms / windows, 100.0 * low, 100.0 * high)
}
