//! The Kolmogorov–Smirnov test against scipy (`golden/ks.json`, written by `golden/make_ks.py`), and properties that
//! hold for all samples.

use bcs_drift::sample::Sample;
use bcs_drift::stattests::ks::KolmogorovSmirnov;
use bcs_drift::stattests::{StatTest, kolmogorov};
use proptest::prelude::*;
use serde::Deserialize;

use generated::Values;

mod generated;

#[derive(Deserialize)]
struct Golden {
    stored: Vec<Case<Vec<f64>>>,
    generated: Vec<Case<Values>>,
    kstwo: Vec<Point>,
}

#[derive(Deserialize)]
struct Case<T> {
    a: T,
    b: T,
    statistic: f64,
    p_value: f64,
}

#[derive(Deserialize)]
struct Point {
    n: u64,
    d: f64,
    survival: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/ks.json")).expect("make_ks.py writes it")
}

fn run(a: &[f64], b: &[f64]) -> (f64, f64) {
    let [a, b] = [a, b].map(|values| Sample::new("x", values).expect("finite values"));
    let outcome = KolmogorovSmirnov.run(&a, &b).expect("it suits all samples");
    (outcome.statistic, outcome.p_value.expect("this test has a p-value"))
}

/// Largest differences from scipy: absolute, over all values, and relative, over values that scipy computes to full
/// precision.
#[derive(Debug, Default)]
struct Agreement {
    values: usize,
    absolute: f64,
    relative: f64,
}

impl Agreement {
    fn add(&mut self, ours: f64, theirs: f64, case: &str) {
        let absolute = (ours - theirs).abs();
        assert!(absolute <= 1e-9, "{case}: {ours:e}, scipy has {theirs:e}");
        self.values += 1;
        self.absolute = self.absolute.max(absolute);
        if theirs > 1e-300 {
            let relative = absolute / theirs;
            assert!(relative <= 1e-9, "{case}: {ours:e}, scipy has {theirs:e}");
            self.relative = self.relative.max(relative);
        } else {
            assert!(ours <= 1.1e-300, "{case}: {ours:e}, scipy has {theirs:e}");
        }
    }
}

#[test]
fn two_samples_agree_with_scipy() {
    let golden = golden();
    let (mut statistics, mut p_values) = (Agreement::default(), Agreement::default());
    let mut check = |a: &[f64], b: &[f64], statistic: f64, p_value: f64, case: &str| {
        let (our_statistic, our_p) = run(a, b);
        statistics.add(our_statistic, statistic, case);
        p_values.add(our_p, p_value, case);
    };
    for case in &golden.stored {
        check(&case.a, &case.b, case.statistic, case.p_value, &format!("{:?} {:?}", case.a, case.b));
    }
    for case in &golden.generated {
        let name = format!("{:?} {:?}", case.a, case.b);
        check(&case.a.values(), &case.b.values(), case.statistic, case.p_value, &name);
    }
    assert!(p_values.values >= 60);
    println!("statistic: {statistics:?}\np-value: {p_values:?}");
}

#[test]
fn the_distribution_for_finite_n_agrees_with_scipy() {
    let mut agreement = Agreement::default();
    for Point { n, d, survival } in golden().kstwo {
        agreement.add(kolmogorov::survival(n, d), survival, &format!("n = {n}, d = {d}"));
    }
    println!("kstwo: {agreement:?}");
}

/// Samples with few distinct values, so that ties are common, and without ties.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let tied = prop::collection::vec((-20_i32..20).prop_map(f64::from), 1..40);
    let free = prop::collection::vec(-1e6..1e6, 1..40);
    prop_oneof![tied, free]
}

/// A sample and a permutation of it.
fn shuffled() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    values().prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle()))
}

proptest! {
    // Failures become golden cases; no regression files are written beside the sources.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_test_is_symmetric(a in values(), b in values()) {
        prop_assert_eq!(run(&a, &b), run(&b, &a));
    }

    #[test]
    fn statistic_and_p_value_are_in_the_unit_interval(a in values(), b in values()) {
        let (statistic, p) = run(&a, &b);
        prop_assert!((0.0..=1.0).contains(&statistic) && (0.0..=1.0).contains(&p), "{} {}", statistic, p);
    }

    #[test]
    fn the_order_of_values_does_not_matter((a, shuffled) in shuffled(), b in values()) {
        prop_assert_eq!(run(&a, &b), run(&shuffled, &b));
    }

    #[test]
    fn the_result_depends_on_ranks_only(a in values(), b in values()) {
        // Doubling is exact, and the cubes of small whole numbers are distinct.
        let doubled = |values: &[f64]| values.iter().map(|x| 2.0 * x).collect::<Vec<_>>();
        prop_assert_eq!(run(&a, &b), run(&doubled(&a), &doubled(&b)));
        let ranked = |values: &[f64]| values.iter().map(|x| rank(*x, &a, &b).powi(3) - 5.0).collect::<Vec<_>>();
        prop_assert_eq!(run(&a, &b), run(&ranked(&a), &ranked(&b)));
        let mirrored = |values: &[f64]| values.iter().map(|x| -x).collect::<Vec<_>>();
        prop_assert_eq!(run(&a, &b), run(&mirrored(&a), &mirrored(&b)));
    }

    #[test]
    fn identical_samples_have_a_p_value_of_1(a in values()) {
        prop_assert_eq!(run(&a, &a), (0.0, 1.0));
    }
}

fn rank(value: f64, a: &[f64], b: &[f64]) -> f64 {
    a.iter().chain(b).filter(|other| **other < value).count() as f64
}
