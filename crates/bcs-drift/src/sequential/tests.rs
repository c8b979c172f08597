//! False alarms, delay and properties of the sequential test.

use bcs_contracts::{FeatureTable, Features};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Features of one family, which share most of their variance.
const FEATURES: [&str; 4] = ["eosin_mean", "eosin_std", "red_mean", "blue_mean"];

/// Draws cases with two images each; the means are `shift` standard deviations off.
fn table(random: &mut ChaCha8Rng, start: usize, count: usize, shift: f64) -> Part {
    let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let mut table = FeatureTable::default();
    for case in start..start + count {
        let common = normal();
        let centres = FEATURES.map(|name| (name.to_owned(), 0.8 * common + 0.6 * normal() + shift));
        for side in [-0.1, 0.1] {
            let features: Features =
                centres.iter().map(|(name, value)| (name.clone(), value + side)).collect();
            table.push(Some(case.to_string()), &features);
        }
    }
    Part::from(&table)
}

fn settings(alarms_per_month: f64) -> Settings {
    Settings { alarms_per_month, cases_per_month: 100.0, persistence: 1, seed: 3 }
}

/// Number of alarms in windows of 5 cases.
fn alarms(seed: u64, cases: usize, shift: f64, settings: Settings) -> usize {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut sequential = Sequential::new(&[&table(random, 0, 40, 0.0)], settings);
    let windows = (0..cases / 5).map(|window| table(random, 40 + window * 5, 5, shift));
    windows.flat_map(|window| sequential.observe(&window)).count()
}

#[test]
fn false_alarms_stay_within_the_budget() {
    // 500 cases are 5 months with a budget of half an alarm each, 2.5 alarms in all.
    let runs = 200;
    let found: usize = (0..runs).map(|seed| alarms(seed, 500, 0.0, settings(0.5))).sum();
    let mean = found as f64 / runs as f64;
    assert!(mean > 0.02 && mean <= 2.5, "{mean} alarms");
}

#[test]
fn persistence_makes_alarms_rarer() {
    let count = |persistence| -> usize {
        (0..100).map(|seed| alarms(seed, 300, 0.0, Settings { persistence, ..settings(1.0) })).sum()
    };
    assert!(count(4) < count(1));
}

#[test]
fn drift_is_found_within_a_month() {
    let found = |shift| (0..40).filter(|seed| alarms(*seed, 100, shift, settings(0.1)) > 0).count();
    let (one, two) = (found(1.0), found(2.0));
    assert!(one >= 24 && two >= 39, "{one} and {two} of 40");
    assert!((0..10).all(|seed| alarms(seed, 100, -2.0, settings(0.1)) > 0), "falls are found too");
}

#[test]
fn a_case_counts_once() {
    let random = &mut ChaCha8Rng::seed_from_u64(0);
    let mut sequential = Sequential::new(&[&table(random, 0, 40, 0.0)], Settings::default());
    let window = table(random, 40, 10, 1.0);
    sequential.observe(&window);
    let before = sequential.clone();
    assert_eq!(sequential.observe(&window), []);
    assert_eq!(sequential, before);
}

#[test]
fn unknown_features_and_images_without_case_are_passed_over() {
    let random = &mut ChaCha8Rng::seed_from_u64(0);
    let mut sequential = Sequential::new(&[&table(random, 0, 40, 0.0)], Settings::default());
    let before = sequential.evidence();
    let mut window = table(random, 40, 10, 9.0);
    window.cases = std::iter::repeat_n(None, window.rows()).collect();
    assert_eq!(sequential.observe(&window), []);
    let mut other = FeatureTable::default();
    other.push(Some("a".to_owned()), &Features::from([("confidence".to_owned(), 0.5)]));
    assert_eq!(sequential.observe(&Part::from(&other)), []);
    assert_eq!(sequential.evidence(), before);
}

#[test]
fn the_history_of_windows_tells_when_an_alarm_was_raised() {
    let random = &mut ChaCha8Rng::seed_from_u64(0);
    let reference = table(random, 0, 40, 0.0);
    let mut windows = vec![table(random, 40, 10, 0.0)];
    let of = |windows: &[Part]| OverTime::of(&[&reference], windows, Settings::default());
    let calm = of(&windows);
    assert_eq!((calm.windows, calm.cases, calm.families.len(), calm.alarms().count()), (1, 10, 1, 0));
    assert!(calm.families[0].evidence < 1.0);
    windows.push(windows[0].clone());
    assert_eq!(of(&windows).families, calm.families, "the same window twice has no effect");
    while of(&windows).alarms().count() == 0 {
        let start = 10 * (windows.len() + 10);
        windows.push(table(random, start, 10, 3.0));
        assert!(windows.len() < 12);
    }
    let alarmed = &of(&windows).families[0];
    assert_eq!((alarmed.evidence, alarmed.earlier_alarms), (1.0, 0));
    windows.push(table(random, 900, 10, 0.0));
    let later = &of(&windows).families[0];
    assert!(later.alarm.is_none() && later.earlier_alarms == 1 && later.evidence < 1.0, "{later:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stored_state_goes_on_as_if_it_had_not_been_stored(seed in 0_u64..1000, shift in -2.0..2.0_f64) {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut sequential = Sequential::new(&[&table(random, 0, 20, 0.0)], Settings::default());
        for window in 1..6 {
            let stored = serde_json::to_string(&sequential).unwrap();
            let mut restored: Sequential = serde_json::from_str(&stored).unwrap();
            let window = table(random, window * 20, 5, shift);
            prop_assert_eq!(sequential.observe(&window), restored.observe(&window));
            prop_assert_eq!(&sequential, &restored);
        }
    }

    #[test]
    fn the_scale_of_a_feature_does_not_matter(seed in 0_u64..1000, scale in 0.001..1000.0_f64, offset in -5.0..5.0_f64) {
        let scaled = |part: &Part| {
            let mut part = part.clone();
            for values in part.features.values_mut() {
                *values = values.iter().map(|value| value.map(|value| value * scale + offset)).collect();
            }
            part
        };
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let (reference, window) = (table(random, 0, 20, 0.0), table(random, 20, 10, 1.0));
        let evidence = |reference: &Part, window: &Part| {
            let mut sequential = Sequential::new(&[reference], Settings::default());
            sequential.observe(window);
            sequential.evidence()
        };
        prop_assert_eq!(evidence(&reference, &window), evidence(&scaled(&reference), &scaled(&window)));
    }
}
