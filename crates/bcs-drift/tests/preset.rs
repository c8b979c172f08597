//! Evidently's preset against Evidently (`golden/preset.json`, written by `golden/make_preset.py`).

use bcs_drift::sample::Sample;
use bcs_drift::stattests::evidently;
use serde::Deserialize;

mod generated;

#[derive(Deserialize)]
struct Case {
    reference: generated::Values,
    current: generated::Values,
    /// Evidently's name of the test.
    method: String,
    score: f64,
    drifted: bool,
}

/// The values of a column, which is one of whole numbers if there are as many levels as the scale says.
fn column(side: &generated::Values) -> Vec<f64> {
    let whole = side.scale == side.levels;
    side.values().into_iter().map(|value| if whole { value.round() } else { value }).collect()
}

#[test]
fn the_choice_and_the_verdict_are_those_of_evidently() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("golden/preset.json")).expect("make_preset.py writes it");
    assert_eq!(cases.len(), 5 * 17 * 3);
    for (index, case) in cases.iter().enumerate() {
        let [reference, current] = [&case.reference, &case.current]
            .map(|side| Sample::new("x", column(side)).expect("finite values"));
        let test = evidently::choose(&reference, &current);
        let expected = match case.method.as_str() {
            "K-S p_value" => "ks",
            "chi-square p_value" => "chisquare",
            "Z-test p_value" => "z",
            "Jensen-Shannon distance" => "jensenshannon",
            "Wasserstein distance (normed)" => "wasserstein",
            other => panic!("unknown method {other}"),
        };
        let context = format!("case {index}: {:?} {:?}", case.reference, case.current);
        assert_eq!(test.name(), expected, "{context}");
        let outcome = test.run(&reference, &current).expect("a suitable test");
        let score = outcome.p_value.unwrap_or(outcome.statistic);
        assert!(
            (score - case.score).abs() <= 1e-9 * case.score.abs() + 1e-12,
            "{context}: {score} {}",
            case.score
        );
        assert_eq!(outcome.drifted(test.default_threshold()), case.drifted, "{context}");
    }
}
