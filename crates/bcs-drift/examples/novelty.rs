//! Prints the table of docs/explanation/drift-features.md: how the novelty of single images is distributed without drift,
//! and how well it tells shifts, on synthetic slides.
//!
//! Run with `cargo run --release -p bcs-drift --example novelty -- [SLIDES [SEED]]`, where SLIDES is the number of slides of the
//! reference, by default 2000, and SEED, by default 1, that of the slides; new slides have the next one.

use bcs_drift::novelty::Novelty;
use rayon::prelude::*;

#[path = "../tests/images/population.rs"]
mod population;
#[path = "../tests/images/shifts.rs"]
mod shifts;

use population::{auc, image, reference};
use shifts::Shift;

/// Number of new slides.
const NEW: u64 = 2_000;

fn main() {
    let number = |at: usize, default: u64| {
        std::env::args().nth(at).and_then(|number| number.parse().ok()).unwrap_or(default)
    };
    let (slides, seed) = (number(1, 2_000), number(2, 1));
    let Some(novelty) = Novelty::new(&reference(seed, slides, 2)) else { return };
    let scores = |tiles: u32, shift: Option<Shift>, count: u64| -> Vec<f64> {
        (0..count)
            .into_par_iter()
            .filter_map(|slide| {
                novelty.score(&image(seed + 1, slide, tiles, shift), (tiles * tiles) as usize)
            })
            .collect()
    };
    println!(
        "Reference of {slides} slides (seed {seed}), 4 tiles each; one image of each of {NEW} new slides.\n"
    );
    println!("| image | p < 0.01 | p < 0.05 | p < 0.20 | AUC |\n|---|--:|--:|--:|--:|");
    let usual = scores(1, None, NEW);
    let row = |name: &str, scores: &[f64]| {
        let below =
            |level: f64| 100.0 * scores.iter().filter(|p| **p < level).count() as f64 / scores.len() as f64;
        let [a, b, c] = [0.01, 0.05, 0.2].map(below);
        println!("| {name} | {a:.1} % | {b:.1} % | {c:.1} % | {:.3} |", auc(&usual, scores));
    };
    row("undrifted, 224×224", &usual);
    row("undrifted, 448×448", &scores(2, None, NEW / 4));
    row("undrifted, 672×672", &scores(3, None, NEW / 8));
    for (name, shift) in [
        ("blur σ 1", Shift::Blur(1.0)),
        ("stain ×0.6", Shift::Stain(0.6)),
        ("magnification ×0.5", Shift::HalfMagnification),
        ("JPEG 20", Shift::Jpeg(20)),
        ("noise σ 10", Shift::Noise(10.0)),
    ] {
        row(name, &scores(1, Some(shift), NEW / 8));
    }
}
