//! Stain estimation and normalization against torchstain (`golden/macenko.json`, written by `golden/make_macenko.py`).

use bcs_imaging::macenko::Stains;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    reference: Fit,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Fit {
    vectors: [[f64; 3]; 2],
    amounts: [f64; 2],
}

#[derive(Deserialize)]
struct Case {
    name: String,
    pixels: Vec<u8>,
    #[serde(flatten)]
    fit: Fit,
    to_reference: Vec<u8>,
    to_bluish: Vec<u8>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/macenko.json")).expect("the file is JSON")
}

#[test]
fn stains_are_estimated_as_by_torchstain() {
    let golden = golden();
    let Fit { vectors, amounts } = golden.reference;
    assert_eq!(Stains::REFERENCE, Stains { vectors, amounts });
    for case in golden.cases {
        let stains = Stains::estimate(&case.pixels).expect("the image is tissue");
        let differences = stains.vectors.as_flattened().iter().zip(case.fit.vectors.as_flattened());
        let differences = differences.chain(stains.amounts.iter().zip(&case.fit.amounts));
        let largest = differences.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max);
        assert!(largest < 1e-5, "{}: {largest}", case.name);
    }
}

#[test]
fn images_are_normalized_as_by_torchstain() {
    let golden = golden();
    let bluish = golden.cases.iter().find(|case| case.name == "bluish").expect("the case exists");
    let bluish = Stains { vectors: bluish.fit.vectors, amounts: bluish.fit.amounts };
    for case in &golden.cases {
        let stains = Stains::estimate(&case.pixels).expect("the image is tissue");
        for (target, expected) in [(Stains::REFERENCE, &case.to_reference), (bluish, &case.to_bluish)] {
            let mut pixels = case.pixels.clone();
            stains.replace(&mut pixels, &target);
            // Values are cut to integers, so that one just below an integer may end one below the other.
            let differences: Vec<u8> = pixels.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).collect();
            let different = differences.iter().filter(|difference| **difference > 0).count();
            assert!(differences.iter().all(|difference| *difference <= 1), "{}", case.name);
            assert!(different * 100 <= pixels.len(), "{}: {different} values differ", case.name);
        }
    }
}
