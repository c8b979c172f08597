//! Evaluation, as a user runs it.

use std::path::Path;

use bcs_tests::package;

use crate::support::{json, outcome, trained, write_tissue};

/// Evaluates a model on the validation tiles, with more arguments, and returns code, standard output and error.
fn evaluate(here: &Path, model: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let model = model.to_str().expect("paths of tests are UTF-8");
    let arguments = ["evaluate", "--model", model, "--images", "tissue/val", "--masks", "tissue/val_mask"];
    outcome(here, &[&arguments[..], more].concat(), &[])
}

#[test]
fn evaluation_names_its_own_flags() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    let package = package(&here.join("models"));
    let (code, _, error) = evaluate(here, &package, &["--label-map", "bcss-tumor"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("--label-map") && !error.contains("data.label_map"), "{error}");
    let (code, _, error) = evaluate(here, &package, &["--label-map", "bcss-5class"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--label-map"), "{error}");
    let (code, _, error) = evaluate(here, Path::new("gone"), &[]);
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
    let (code, printed, error) = evaluate(here, &package, &["--surface-tolerance", "3"]);
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

    let (code, _, error) = evaluate(here, &package, &["--surface-tolerance=-1"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--surface-tolerance is -1; it must be at least 0"), "{error}");
}
