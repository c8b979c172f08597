//! Judgements of populations whose tiles resemble each other within a slide.

use bcs_contracts::FeatureTable;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const FEATURES: usize = 12;

fn judge(reference: &[&FeatureTable], current: &FeatureTable, options: &Options) -> Judgement {
    let reference: Vec<Part> = reference.iter().map(|table| Part::from(*table)).collect();
    super::judge(&reference.iter().collect::<Vec<_>>(), &current.into(), options)
}

/// Number of standard normal deviation, by the sum of uniform ones.
fn normal(random: &mut impl Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// Draws slides with 10 tiles each. Of the variance of each feature, 80 % lies between slides. `shift` of feature 0 applies
/// to this share of the tiles of each slide.
fn slides(random: &mut ChaCha8Rng, side: &str, count: usize, shift: f64, share: f64) -> FeatureTable {
    let mut table = FeatureTable::default();
    for slide in 0..count {
        let centres: Vec<f64> = (0..FEATURES).map(|_| normal(random) * 0.8_f64.sqrt()).collect();
        for _ in 0..10 {
            let shifted = random.random_bool(share);
            let features = centres.iter().enumerate().map(|(at, centre)| {
                let value = centre + normal(random) * 0.2_f64.sqrt();
                (format!("f{at}"), value + if at == 0 && shifted { shift } else { 0.0 })
            });
            let features = features.collect();
            table.push(Some(format!("{side}-{slide}")), &features);
        }
    }
    table
}

/// Number of alarms in `windows` windows.
fn alarms(windows: u64, [reference, current]: [usize; 2], shift: f64, share: f64) -> u64 {
    (0..windows)
        .filter(|window| {
            let random = &mut ChaCha8Rng::seed_from_u64(*window);
            let reference = slides(random, "r", reference, 0.0, 0.0);
            let current = slides(random, "c", current, shift, share);
            judge(&[&reference], &current, &Options::default()).outcome == Outcome::Drift
        })
        .count() as u64
}

#[test]
fn windows_without_drift_rarely_raise_an_alarm() {
    // With a level of 2 %, 7 or more of 100 have a probability of 0.4 %.
    for sides in [[18, 4], [18, 10], [3, 3]] {
        let count = alarms(100, sides, 0.0, 0.0);
        assert!(count < 7, "{sides:?}: {count} of 100");
    }
}

/// Adds features to a table that are noisy copies of those it has, as features of images are of each other.
fn with_copies(mut table: FeatureTable, random: &mut ChaCha8Rng) -> FeatureTable {
    for (name, values) in table.features.clone() {
        for copy in 0..3 {
            let copied = values.iter().map(|value| value.map(|value| value + 0.3 * normal(random))).collect();
            table.features.insert(format!("{name}-{copy}"), copied);
        }
    }
    table
}

#[test]
fn correlated_features_of_few_cases_rarely_raise_an_alarm() {
    // With a level of 2 %, 13 or more of 300 have a probability of 0.9 %.
    let count = (0..300)
        .filter(|window| {
            let random = &mut ChaCha8Rng::seed_from_u64(1000 + *window);
            let reference = slides(random, "r", 3, 0.0, 0.0);
            let reference = with_copies(reference, random);
            let current = slides(random, "c", 3, 0.0, 0.0);
            let current = with_copies(current, random);
            let judgement = judge(&[&reference], &current, &Options::default());
            assert_eq!(judgement.method, Method::StudentT);
            judgement.outcome == Outcome::Drift
        })
        .count();
    assert!(count < 13, "{count} of 300");
}

#[test]
fn shifts_are_found() {
    assert!(alarms(20, [18, 10], 2.5, 1.0) >= 18);
    // A tenth of the tiles of each slide, far from the others.
    assert!(alarms(20, [18, 10], 8.0, 0.1) >= 18);
    // Three cases on each side allow no permutation.
    assert!(alarms(20, [3, 3], 26.0, 1.0) >= 18);
}

#[test]
fn larger_images_are_no_drift() {
    // Each image has the mean of 5 tiles.
    let averaged = |table: &FeatureTable| FeatureTable {
        cases: table.cases.iter().step_by(5).cloned().collect(),
        features: table.features.iter().map(|(name, values)| (name.clone(), means_of_five(values))).collect(),
    };
    let count = (0..40)
        .filter(|window| {
            let random = &mut ChaCha8Rng::seed_from_u64(*window);
            let reference = slides(random, "r", 18, 0.0, 0.0);
            let current = averaged(&slides(random, "c", 20, 0.0, 0.0));
            judge(&[&reference], &current, &Options::default()).outcome == Outcome::Drift
        })
        .count();
    // With a level of 5 %, 7 or more of 40 have a probability of 0.3 %.
    assert!(count < 7, "{count} of 40");
}

fn means_of_five(values: &[Option<f64>]) -> Vec<Option<f64>> {
    values.chunks(5).map(|chunk| Some(chunk.iter().flatten().sum::<f64>() / chunk.len() as f64)).collect()
}

#[test]
fn one_or_two_slides_are_too_few_to_tell() {
    let random = &mut ChaCha8Rng::seed_from_u64(0);
    let reference = slides(random, "r", 100, 0.0, 0.0);
    for count in [1, 2] {
        let current = slides(random, "c", count, 50.0, 1.0);
        let judgement = judge(&[&reference], &current, &Options::default());
        assert_eq!(judgement.outcome, Outcome::NotJudged);
        let reason = judgement.reason.unwrap();
        assert!(
            reason.contains("too few to tell")
                && reason.contains("a shift of half")
                && !judgement.findings.is_empty(),
            "{reason}"
        );
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let random = &mut ChaCha8Rng::seed_from_u64(0);
    let mut reference = slides(random, "r", 18, 0.0, 0.0);
    let empty = judge(&[&reference], &FeatureTable::default(), &Options::default());
    assert_eq!((empty.outcome, empty.reason.as_deref()), (Outcome::NotJudged, Some("the window is empty")));
    let mut current = slides(random, "c", 10, 0.0, 0.0);
    let renamed = reference.features.remove("f3").unwrap();
    reference.features.insert("g3".to_owned(), renamed);
    let judgement = judge(&[&reference], &current, &Options::default());
    assert_eq!(judgement.skipped.keys().collect::<Vec<_>>(), ["f3", "g3"]);
    assert_eq!(judgement.findings.len(), 2 * (FEATURES - 1));
    current.features.clear();
    let nothing = judge(&[&reference], &current, &Options::default());
    assert!(nothing.reason.unwrap().contains("no feature in common"));
}

#[test]
fn families_have_a_verdict_each() {
    let random = &mut ChaCha8Rng::seed_from_u64(3);
    let rename = |mut table: FeatureTable| {
        for (old, new) in [("f0", "eosin_mean"), ("f1", "sharpness"), ("f2", "fraction_tumour")] {
            let mut values = table.features.remove(old).unwrap();
            // Variances are positive.
            values.iter_mut().flatten().for_each(|value| *value += 50.0);
            table.features.insert(new.to_owned(), values);
        }
        table
    };
    let reference = rename(slides(random, "r", 18, 0.0, 0.0));
    let current = rename(slides(random, "c", 10, 3.0, 1.0));
    let judgement = judge(&[&reference], &current, &Options::default());
    let drifted = |family| judgement.families.iter().find(|found| found.family == family).unwrap().drifted;
    assert!(drifted(Family::StainAndColour) && !drifted(Family::CaseMix) && !drifted(Family::Focus));
    let leading = &judgement.findings[judgement.families[0].leading];
    assert_eq!((leading.feature.as_str(), leading.quantity), ("eosin_mean", Quantity::Mean));
    assert!(leading.effect.interval[0] > 1.0 && leading.effect.value < 6.0, "{:?}", leading.effect);
    assert!(leading.clustering.unwrap().intraclass_correlation > 0.5);
}

#[test]
fn the_same_seed_gives_the_same_judgement() {
    let random = &mut ChaCha8Rng::seed_from_u64(3);
    let sides = [slides(random, "r", 18, 0.0, 0.0), slides(random, "c", 10, 1.0, 1.0)];
    let judged = || judge(&[&sides[0]], &sides[1], &Options::default());
    assert_eq!(judged(), judged());
    let json = serde_json::to_string(&judged()).unwrap();
    assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judged());
}
