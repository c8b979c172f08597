//! Tests of the table and the figures.

use serde_json::json;

use super::*;

/// Three classes and two images of one row: class 1 is in both masks of the first image, and only predicted in the
/// second; class 2 is nowhere.
fn evaluation(mpp: Option<f64>) -> Evaluation {
    let names = ["other", "tumour", "fat"].map(str::to_owned);
    let mut evaluation = Evaluation::new(names.to_vec(), 1.0, mpp).unwrap();
    evaluation.add(&[0, 1, 1, 0, 0, 0, 255, 0], &[0, 1, 1, 0, 0, 1, 1, 0], [1, 8]).unwrap();
    evaluation.add(&[0; 8], &[0, 0, 0, 0, 0, 0, 0, 1], [1, 8]).unwrap();
    evaluation
}

#[test]
fn undefined_scores_are_dashes_and_distances_have_a_unit() {
    let table = evaluation(Some(2.0)).table();
    let rows: Vec<Vec<&str>> =
        table.lines().skip(2).take(3).map(|line| line.split_whitespace().collect()).collect();
    // Boundaries: of the truth at 1 and 2, of the prediction at 1, 2 and 5.
    assert_eq!(
        rows[1],
        [
            "tumour", "0.6667", "0.8000", "0.5000", "0.6667", "1.0000", "0.8462", "0.5000", "5.4", "1.2",
            "0.4000", "1"
        ]
    );
    assert_eq!(rows[2], ["fat", "–", "–", "–", "–", "–", "1.0000", "–", "–", "–", "–", "0"]);
    assert!(table.contains("HD95 µm") && table.contains("within 1 px (2 µm)"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    assert!(evaluation(None).table().contains("HD95 px"));
}

#[test]
fn figures_are_those_of_monai_and_null_where_monai_has_nan() {
    let figures = evaluation(None).figures();
    let tumour = |metric: &str, key: &str| figures[metric][key]["tumour"].clone();
    assert_eq!(tumour("DiceMetric", "mean_batch"), json!(0.8));
    assert_eq!((tumour("DiceMetric", "not_nans"), tumour("MeanIoU", "pooled")), (json!(1), json!(0.5)));
    assert_eq!(figures["DiceMetric"]["mean_batch"]["fat"], json!(null));
    assert_eq!(figures["DiceMetric"]["not_nans"]["fat"], json!(0));
    assert_eq!(figures["ConfusionMatrixMetric"]["sensitivity"]["pooled"]["tumour"], json!(1.0));
    assert_eq!(figures["ConfusionMatrixMetric"]["sensitivity"]["pooled"]["fat"], json!(null));
    // The second image has the class in one mask only.
    assert_eq!(tumour("SurfaceDistanceMetric", "mean_batch"), json!("inf"));
    let both = tumour("SurfaceDistanceMetric", "both_present");
    assert_eq!(both["images"], 1);
    assert!((both["mean"].as_f64().unwrap() - 3.0 / 5.0).abs() < 1e-6, "{both}");
    assert_eq!(tumour("HausdorffDistanceMetric", "both_present")["images"], 1);
    assert!(figures["HausdorffDistanceMetric"].get("pooled").is_none());
    assert!(figures["GeneralizedDiceScore"]["mean"].as_f64().unwrap() > 0.0);
}
