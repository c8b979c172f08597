//! Distances and tests against Evidently (`golden/stattests.json`, written by `golden/make_stattests.py`).

use bcs_drift::sample::Sample;
use bcs_drift::stattests::by_name;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    test: String,
    reference: Vec<f64>,
    current: Vec<f64>,
    /// Evidently's drift score: the p-value, or the distance.
    score: f64,
    drifted: bool,
}

#[test]
fn scores_and_verdicts_are_those_of_evidently() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("golden/stattests.json")).expect("make_stattests.py writes it");
    assert!(cases.len() > 200);
    for (index, case) in cases.iter().enumerate() {
        let test = by_name(&case.test).expect("a known test");
        let [reference, current] =
            [&case.reference, &case.current].map(|values| Sample::new("x", values).expect("finite values"));
        let outcome = test.run(&reference, &current);
        let score = outcome.p_value.unwrap_or(outcome.statistic);
        // Evidently's p-value of z is 1 minus a probability.
        let most = 1e-9 * case.score.abs() + if case.test == "z" { 1e-15 } else { 0.0 };
        assert!((score - case.score).abs() <= most, "{} {index}: {score} {}", case.test, case.score);
        assert_eq!(outcome.drifted(test.default_threshold()), case.drifted, "{} {index}", case.test);
    }
}
