//! P-values of populations whose tiles resemble each other within a slide.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const FEATURES: usize = 10;

/// About a standard normal variate, by the sum of uniform ones.
fn normal(random: &mut impl Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// Draws the tiles of a slide: correlated features, of whose variance 80 % lies between slides.
fn slide(random: &mut impl Rng, tiles: usize) -> Vec<Features> {
    let shared = normal(random);
    let centre: Vec<f64> = (0..FEATURES).map(|_| 0.6 * shared + 0.6 * normal(random)).collect();
    let tile = |random: &mut _| {
        centre
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("f{at}"), value + 0.4 * normal(random)))
            .collect()
    };
    (0..tiles).map(|_| tile(random)).collect()
}

fn reference(random: &mut impl Rng, slides: usize, tiles: usize) -> FeatureTable {
    let mut table = FeatureTable::default();
    for index in 0..slides {
        slide(random, tiles).iter().for_each(|tile| table.push(Some(format!("{index:04}")), tile));
    }
    table
}

/// Mean of each feature.
fn mean(tiles: &[Features]) -> Features {
    let mean = |name: &String| tiles.iter().map(|tile| tile[name]).sum::<f64>() / tiles.len() as f64;
    tiles[0].keys().map(|name| (name.clone(), mean(name))).collect()
}

/// Share of 1,000 new images of some tiles, each of a new slide, with a p-value below each level.
fn shares(random: &mut impl Rng, novelty: &Novelty, tiles: usize, levels: [f64; 2]) -> [f64; 2] {
    let p_values: Vec<f64> =
        (0..1000).map(|_| novelty.score(&mean(&slide(random, tiles)), tiles).unwrap()).collect();
    levels.map(|level| p_values.iter().filter(|p| **p < level).count() as f64 / 1000.0)
}

#[test]
fn images_of_new_slides_have_uniform_p_values_whatever_their_size() {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let novelty = Novelty::new(&reference(random, 1500, 8)).unwrap();
    for tiles in [1, 4, 8] {
        let [one, five] = shares(random, &novelty, tiles, [0.01, 0.05]);
        // Three standard deviations of images and reference.
        assert!((0.002..=0.022).contains(&one) && (0.03..=0.07).contains(&five), "{tiles}: {one}, {five}");
    }
}

#[test]
fn few_cases_never_make_an_image_too_unusual() {
    let random = &mut ChaCha8Rng::seed_from_u64(2);
    for cases in [2, 3, 10] {
        // Each reference has its own luck, so many are drawn.
        let mut below = 0;
        for _ in 0..100 {
            let novelty = Novelty::new(&reference(random, cases, 6)).unwrap();
            below += (0..10).filter(|_| novelty.score(&slide(random, 1)[0], 1).unwrap() <= 0.34).count();
            let far =
                mean(&slide(random, 1)).into_iter().map(|(name, value)| (name, value + 100.0)).collect();
            assert_eq!(novelty.score(&far, 1), Some(1.0 / (cases + 1) as f64));
        }
        assert!(below < 400, "{cases} cases: {below} of 1000");
    }
}

#[test]
fn a_combination_of_features_that_no_case_has_is_unusual() {
    let random = &mut ChaCha8Rng::seed_from_u64(3);
    let novelty = Novelty::new(&reference(random, 120, 4)).unwrap();
    // Each feature for itself is usual; but their correlation is positive.
    let odd = (0..FEATURES).map(|at| (format!("f{at}"), if at % 2 == 0 { 1.5 } else { -1.5 })).collect();
    assert!(novelty.score(&odd, 1).unwrap() < 0.02);
}

#[test]
fn artefacts_are_unusual_where_the_reference_has_none() {
    let random = &mut ChaCha8Rng::seed_from_u64(4);
    let mut table = reference(random, 120, 2);
    table.features.insert("pen_fraction".to_owned(), vec![Some(0.0); table.rows()]);
    table.features.insert("constant".to_owned(), vec![Some(0.1); table.rows()]);
    let novelty = Novelty::new(&table).unwrap();
    let mut image = mean(&slide(random, 50));
    image.insert("constant".to_owned(), 0.1);
    image.insert("pen_fraction".to_owned(), 0.0);
    assert!(novelty.score(&image, 1).unwrap() > 0.05);
    image.insert("pen_fraction".to_owned(), 0.4);
    assert!(novelty.score(&image, 1).unwrap() < 0.02);
}

#[test]
fn what_a_tile_happens_to_show_does_not_count() {
    let random = &mut ChaCha8Rng::seed_from_u64(6);
    let plain = reference(random, 30, 2);
    let mut table = plain.clone();
    for name in ["entropy", "red_std", "brightness_p95"] {
        table.features.insert(name.to_owned(), (0..table.rows()).map(|row| Some(row as f64)).collect());
    }
    assert_eq!(Novelty::new(&table), Novelty::new(&plain));
}

#[test]
fn features_that_either_side_lacks_do_not_count() {
    let random = &mut ChaCha8Rng::seed_from_u64(5);
    let mut table = reference(random, 150, 4);
    // Every fourth tile lacks tissue.
    for name in ["f0", "f1", "f2"] {
        table.features.get_mut(name).unwrap().iter_mut().step_by(4).for_each(|value| *value = None);
    }
    let novelty = Novelty::new(&table).unwrap();
    let p_values = (0..400).map(|_| {
        let mut image = slide(random, 1).remove(0);
        image.retain(|name, _| !["f0", "f1", "f2"].contains(&name.as_str()));
        image.insert("unknown".to_owned(), 1e9);
        novelty.score(&image, 1).unwrap()
    });
    let below = p_values.filter(|p| *p < 0.1).count();
    assert!((15..=70).contains(&below), "{below} of 400");
    assert_eq!(novelty.score(&Features::from([("unknown".to_owned(), 0.5)]), 1), None);
    assert_eq!(Novelty::new(&reference(random, 1, 9)), None);
    assert_eq!(Novelty::new(&FeatureTable::default()), None);
}
