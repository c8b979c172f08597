//! Evaluation, as a user runs it.

use bcs_tests::package;

use crate::support::{json, outcome, trained, write_tissue};

#[test]
fn evaluation_names_its_own_flags() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    let package = package(&here.join("models"));
    let evaluate = |more: &[&str]| {
        let arguments = [
            "evaluate",
            "--model",
            package.to_str().unwrap(),
            "--images",
            "tissue/val",
            "--masks",
            "tissue/val_mask",
        ];
        let (code, _, error) = outcome(here, &[&arguments[..], more].concat(), &[]);
        (code, error)
    };
    let (code, error) = evaluate(&["--label-map", "bcss-tumor"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("--label-map") && !error.contains("data.label_map"), "{error}");
    let (code, error) = evaluate(&["--label-map", "bcss-5class"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--label-map"), "{error}");
    let (code, _, error) = outcome(
        here,
        &["evaluate", "--model", "gone", "--images", "tissue/val", "--masks", "tissue/val_mask"],
        &[],
    );
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--model gone"), "{error}");
}

#[test]
fn figures_and_table_have_all_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    let package = package(&here.join("models"));
    let evaluate = |more: &[&str]| {
        let arguments = [
            "evaluate",
            "--model",
            package.to_str().unwrap(),
            "--images",
            "tissue/val",
            "--masks",
            "tissue/val_mask",
        ];
        outcome(here, &[&arguments[..], more].concat(), &[])
    };
    let (code, printed, error) = evaluate(&["--surface-tolerance", "3"]);
    assert_eq!(code, Some(0), "{error}");
    for column in ["Dice/image", "IoU", "sens.", "spec.", "prec.", "HD95 px", "ASD px", "NSD", "images"] {
        assert!(printed.contains(column), "{column}: {printed}");
    }
    assert!(printed.contains("within 3 px") && printed.contains("generalized Dice"), "{printed}");
    let evaluation = json(here.join("evaluation/evaluation.json"));
    let metrics = evaluation["metrics"].as_object().unwrap();
    let names = [
        "DiceMetric",
        "MeanIoU",
        "ConfusionMatrixMetric",
        "GeneralizedDiceScore",
        "HausdorffDistanceMetric",
        "SurfaceDistanceMetric",
        "SurfaceDiceMetric",
    ];
    assert!(names.iter().all(|name| metrics.contains_key(*name)), "{metrics:?}");
    assert_eq!(metrics["DiceMetric"]["pooled"]["tumour"], evaluation["classes"][1]["dice"]);
    assert_eq!(metrics["SurfaceDiceMetric"]["arguments"]["class_thresholds"], serde_json::json!([3.0, 3.0]));

    let (code, _, error) = evaluate(&["--surface-tolerance=-1"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--surface-tolerance is -1; it must be at least 0"), "{error}");
}
