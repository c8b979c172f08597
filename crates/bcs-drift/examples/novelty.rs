//! Prints the tables of docs/explanation/drift-features.md: how the novelty of single images is distributed without drift,
//! how well it tells shifts, and by how much each feature moves, on synthetic slides.
//!
//! Run with `cargo run --release -p bcs-drift --example novelty -- [SLIDES [SEED]]`, where SLIDES is the number of slides of the
//! reference, by default 2000, and SEED, by default 1, that of the slides; new slides have the next one.

use std::collections::BTreeMap;

use bcs_contracts::{FeatureTable, Features};
use bcs_drift::judgement::{Options, Quantity, judge};
use bcs_drift::novelty::Novelty;
use bcs_drift::table::Part;
use rayon::prelude::*;

#[path = "../tests/images/population.rs"]
mod population;
#[path = "../tests/images/shifts.rs"]
mod shifts;

use population::{auc, image, reference};
use shifts::Shift;

/// Number of new slides.
const NEW: u64 = 2_000;

/// Number of new slides that are shifted.
const SHIFTED: u64 = 250;

/// Number of reference images that shifts of features are measured beside: four of each of 250 slides.
const COMPARED: usize = 1_000;

const SHIFTS: [(&str, Shift); 5] = [
    ("blur σ 1", Shift::Blur(1.0)),
    ("stain ×0.6", Shift::Stain(0.6)),
    ("magnification ×0.5", Shift::HalfMagnification),
    ("JPEG 20", Shift::Jpeg(20)),
    ("noise σ 10", Shift::Noise(10.0)),
];

fn main() {
    let number = |at: usize, default: u64| {
        std::env::args().nth(at).and_then(|number| number.parse().ok()).unwrap_or(default)
    };
    let (slides, seed) = (number(1, 2_000), number(2, 1));
    let reference = reference(seed, slides, 2);
    let Some(novelty) = Novelty::new(&reference) else { return };
    let images = |tiles: u32, shift: Option<Shift>, count: u64| -> Vec<Features> {
        (0..count).into_par_iter().map(|slide| image(seed + 1, slide, tiles, shift)).collect()
    };
    let scores = |images: &[Features], tiles: usize| -> Vec<f64> {
        images.par_iter().filter_map(|image| novelty.score(image, tiles * tiles)).collect()
    };
    println!(
        "Reference of {slides} slides (seed {seed}), 4 tiles each; one image of each of {NEW} new slides.\n"
    );
    println!("| image | p < 0.01 | p < 0.05 | p < 0.20 | AUC |\n|---|--:|--:|--:|--:|");
    let undrifted = images(1, None, NEW);
    let usual = scores(&undrifted, 1);
    let row = |name: &str, scores: &[f64]| {
        let below =
            |level: f64| 100.0 * scores.iter().filter(|p| **p < level).count() as f64 / scores.len() as f64;
        let [a, b, c] = [0.01, 0.05, 0.2].map(below);
        println!("| {name} | {a:.1} % | {b:.1} % | {c:.1} % | {:.3} |", auc(&usual, scores));
    };
    row("undrifted, 224×224", &usual);
    row("undrifted, 448×448", &scores(&images(2, None, NEW / 4), 2));
    row("undrifted, 672×672", &scores(&images(3, None, NEW / 8), 3));
    let shifted = SHIFTS.map(|(name, shift)| {
        let images = images(1, Some(shift), SHIFTED);
        row(name, &scores(&images, 1));
        images
    });
    print_effects(&first(&reference), &undrifted[..SHIFTED as usize], &shifted);
}

/// Prints by how many standard deviations between the cases of the reference each feature moves.
fn print_effects(reference: &Part, undrifted: &[Features], shifted: &[Vec<Features>]) {
    let columns: Vec<_> = std::iter::once(undrifted)
        .chain(shifted.iter().map(Vec::as_slice))
        .map(|images| effects(reference, images))
        .collect();
    let names = std::iter::once("undrifted").chain(SHIFTS.map(|(name, _)| name));
    println!("\n| feature | {} |", names.collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "--:|".repeat(columns.len()));
    for name in reference.features.keys() {
        let cell = |effects: &BTreeMap<String, f64>| {
            effects.get(name).map_or_else(|| "–".to_owned(), |value| format!("{value:+.1}"))
        };
        println!("| `{name}` | {} |", columns.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
}

/// Effect of each feature, as a report states it.
fn effects(reference: &Part, images: &[Features]) -> BTreeMap<String, f64> {
    let mut table = FeatureTable::default();
    images.iter().zip(0..).for_each(|(image, slide)| table.push(Some(format!("new {slide}")), image));
    let judgement = judge(&[reference], &Part::from(&table), &Options::default());
    let means = judgement.findings.into_iter().filter(|finding| finding.quantity == Quantity::Mean);
    means.map(|finding| (finding.feature, finding.effect.value)).collect()
}

/// The first images of the reference.
fn first(reference: &FeatureTable) -> Part {
    let count = reference.rows().min(COMPARED);
    let columns = reference.features.iter().map(|(name, values)| (name.clone(), values[..count].to_vec()));
    Part::from(&FeatureTable { cases: reference.cases[..count].to_vec(), features: columns.collect() })
}
