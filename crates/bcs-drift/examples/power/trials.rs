//! Judgements of drawn windows.

use bcs_contracts::features::is_model_feature;
use bcs_contracts::{FeatureTable, Features};
use bcs_drift::judgement::{Options, Outcome, judge};
use bcs_drift::table::Part;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::population::{Population, TILES, Tiles};

/// What happened to the slides of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Window {
    /// Nothing.
    Undrifted,
    /// Nothing, but images have 1, 2, 4 or 6 tiles.
    MixedSizes,
    /// The shift and strength at these positions of [`crate::shifts::SHIFTS`].
    Shifted(usize, usize),
    /// This share of tiles is exchanged for those of the slide with the most tumour.
    Tumour(f64),
    /// This share of tiles is out of focus.
    Contaminated(f64),
}

/// Outcomes of many windows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcomes {
    pub alarms: u64,
    pub not_judged: u64,
    pub windows: u64,
}

/// Judges windows of `size` slides beside a reference of other slides.
pub(crate) fn outcomes(
    population: &Population,
    reference: usize,
    size: usize,
    what: Window,
    windows: u64,
) -> Outcomes {
    let outcomes: Vec<Outcome> = (0..windows)
        .into_par_iter()
        .map(|trial| {
            let mut random = ChaCha8Rng::seed_from_u64(trial);
            let mut order: Vec<usize> = (0..population.slides.len()).collect();
            order.shuffle(&mut random);
            let (mut images, mut model, mut current) =
                (FeatureTable::default(), FeatureTable::default(), FeatureTable::default());
            for at in &order[..reference] {
                for tile in &population.slides[*at].clean[..TILES] {
                    let (of_model, of_image) =
                        tile.clone().into_iter().partition(|(name, _)| is_model_feature(name));
                    images.push(Some(at.to_string()), &of_image);
                    model.push(Some(at.to_string()), &of_model);
                }
            }
            for at in &order[reference..reference + size] {
                for image in drawn(&population.slides[*at], what, &mut random) {
                    current.push(Some(at.to_string()), &image);
                }
            }
            let [images, model, current] = [&images, &model, &current].map(Part::from);
            judge(&[&images, &model], &current, &Options::default()).outcome
        })
        .collect();
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64;
    Outcomes { alarms: count(Outcome::Drift), not_judged: count(Outcome::NotJudged), windows }
}

/// The images of a slide in a window.
fn drawn(slide: &Tiles, what: Window, random: &mut ChaCha8Rng) -> Vec<Features> {
    let mut clean = slide.clean[..TILES].to_vec();
    match what {
        Window::Undrifted => {}
        Window::MixedSizes => return mixed(&clean, random),
        Window::Shifted(kind, strength) => return slide.shifted[kind][strength].clone(),
        Window::Tumour(share) => {
            let exchanged = (share * TILES as f64).round() as usize;
            for (tile, other) in clean.iter_mut().zip(&slide.tumorous[..exchanged]) {
                tile.clone_from(&slide.clean[*other]);
            }
        }
        Window::Contaminated(share) => {
            for (tile, blurred) in clean.iter_mut().zip(&slide.contaminated) {
                if random.random_bool(share) {
                    tile.clone_from(blurred);
                }
            }
        }
    }
    clean
}

/// Groups tiles to images of 1, 2, 4 or 6, whose features are the means of those of their tiles.
fn mixed(tiles: &[Features], random: &mut ChaCha8Rng) -> Vec<Features> {
    let mut images = Vec::new();
    let mut rest = tiles;
    while !rest.is_empty() {
        let (image, later) = rest.split_at([1, 2, 4, 6][random.random_range(0..4)].min(rest.len()));
        rest = later;
        let mean = |name: &String| {
            let values: Vec<f64> = image.iter().filter_map(|tile| tile.get(name)).copied().collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let names: std::collections::BTreeSet<&String> = image.iter().flat_map(Features::keys).collect();
        images.push(names.into_iter().map(|name| (name.clone(), mean(name))).collect());
    }
    images
}
