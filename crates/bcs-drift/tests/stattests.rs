//! Statistical tests against Evidently and scipy (`golden/stattests.json`, written by `golden/make_stattests.py`).

use std::collections::{BTreeMap, BTreeSet};

use bcs_contracts::FeatureTable;
use bcs_drift::sample::Sample;
use bcs_drift::stattests::{ALL, Outcome, by_name, domain_classifier};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    numbers: Vec<Pair>,
    categories: Vec<Pair>,
    permutations: Vec<Permutation>,
    classifiers: Vec<Tables>,
}

#[derive(Deserialize)]
struct Pair {
    reference: Vec<f64>,
    current: Vec<f64>,
    results: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    statistic: Option<f64>,
    /// Evidently's drift score: the p-value, or the distance.
    score: Option<f64>,
    drifted: Option<bool>,
}

#[derive(Deserialize)]
struct Permutation {
    test: String,
    reference: Vec<f64>,
    current: Vec<f64>,
    p_value: f64,
}

#[derive(Deserialize)]
struct Tables {
    reference: Vec<Vec<f64>>,
    current: Vec<Vec<f64>>,
    auc: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/stattests.json")).expect("make_stattests.py writes it")
}

fn run(test: &str, reference: &[f64], current: &[f64]) -> Outcome {
    let [reference, current] =
        [reference, current].map(|values| Sample::new("x", values).expect("finite values"));
    by_name(test).expect("a known test").run(&reference, &current).expect("a suitable test")
}

#[track_caller]
fn assert_close(ours: f64, theirs: f64, context: &str) {
    // Probabilities near 1 that the peers subtract from 1 have an absolute error.
    let most = 1e-9 * theirs.abs() + 1e-12;
    assert!((ours - theirs).abs() <= most, "{context}: {ours:e} instead of {theirs:e}");
}

#[test]
fn results_of_drawn_pairs_are_those_of_evidently_and_scipy() {
    let Golden { numbers, categories, .. } = golden();
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, pair) in numbers.iter().chain(&categories).enumerate() {
        for (test, expected) in &pair.results {
            let outcome = run(test, &pair.reference, &pair.current);
            let context = format!("{test} of pair {index}");
            if let Some(statistic) = expected.statistic {
                assert_close(outcome.statistic, statistic, &context);
            }
            if let Some(score) = expected.score {
                assert_close(outcome.p_value.unwrap_or(outcome.statistic), score, &context);
            }
            if let Some(drifted) = expected.drifted {
                let threshold = by_name(test).expect("a known test").default_threshold();
                assert_eq!(outcome.drifted(threshold), drifted, "{context}");
            }
            *compared.entry(test).or_default() += 1;
        }
    }
    let all: BTreeSet<&str> = ALL.iter().map(|test| test.name()).collect();
    assert_eq!(compared.keys().copied().collect::<BTreeSet<_>>(), all);
    assert!(compared.values().all(|count| *count >= 200), "{compared:?}");
}

#[test]
fn p_values_by_permutation_are_those_of_scipy() {
    for (index, case) in golden().permutations.iter().enumerate() {
        let found = run(&case.test, &case.reference, &case.current).p_value.expect("a p-value");
        assert_close(found, case.p_value, &format!("{} {index}", case.test));
    }
}

#[test]
fn the_domain_classifier_is_that_of_scikit_learn() {
    let table = |rows: &[Vec<f64>]| {
        let mut table = FeatureTable::default();
        for (at, row) in rows.iter().enumerate() {
            let features =
                row.iter().enumerate().map(|(column, value)| (format!("f{column}"), *value)).collect();
            table.push(Some((at / 2).to_string()), &features);
        }
        table
    };
    for (index, Tables { reference, current, auc }) in golden().classifiers.iter().enumerate() {
        let found = domain_classifier::auc(&table(reference), &table(current)).expect("suitable tables");
        assert_close(found, *auc, &format!("tables {index}"));
    }
}

#[test]
fn tests_that_cannot_be_applied_say_why() {
    let equal = Sample::new("x", [0.5; 8]).expect("finite values");
    let three = Sample::new("x", [1.0, 2.0, 3.0]).expect("finite values");
    for (test, reference, current, reason) in [
        ("anderson", &equal, &equal, "all are equal"),
        ("es", &equal, &equal, "interquartile range"),
        ("es", &equal, &three, "at least 5"),
        ("fisher_exact", &equal, &three, "there are more"),
    ] {
        let error =
            by_name(test).expect("a known test").run(reference, current).expect_err(reason).to_string();
        assert!(error.contains(test) && error.contains(reason), "{error}");
    }
}

#[test]
fn sides_that_are_all_equal_do_not_differ() {
    let equal = [0.5; 8];
    for test in ALL.iter().map(|test| test.name()).filter(|name| !["anderson", "es"].contains(name)) {
        let outcome = run(test, &equal, &equal);
        assert!(
            !outcome.drifted(by_name(test).expect("a known test").default_threshold()),
            "{test}: {outcome:?}"
        );
    }
}
