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

/// Writes two images of each of six patients as `eval`, and a third one of the first.
fn write_patients(here: &Path) {
    // A class that only a prediction may have in this image.
    crate::support::write_tile(&here.join("tissue"), "eval", "TCGA-A1-0000-DX1_2", [2, 2]);
    for patient in 0..6 {
        for (image, codes) in [[1, 2], [2, 1]].into_iter().enumerate() {
            let name = format!("TCGA-A1-000{patient}-DX1_{image}");
            crate::support::write_tile(&here.join("tissue"), "eval", &name, codes);
        }
    }
}

#[test]
fn intervals_rows_and_report_agree_with_the_figures() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    write_patients(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    let package = package(&here.join("models"));
    let model = package.to_str().unwrap();
    let arguments = [
        "evaluate",
        "--model",
        model,
        "--images",
        "tissue/eval",
        "--masks",
        "tissue/eval_mask",
        "--bootstrap=300",
    ];
    let (code, printed, error) = outcome(here, &arguments, &[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        printed.contains("on 13 images of 6 patients") && printed.contains("intervals by patient"),
        "{printed}"
    );
    assert!(!printed.contains("not reliable"), "{printed}");
    let evaluation = json(here.join("evaluation/evaluation.json"));
    assert_eq!((&evaluation["patients"], &evaluation["notes"]), (&6.into(), &serde_json::json!([])));
    assert_eq!(evaluation["bootstrap"]["resamples"], 300);
    let tumour = &evaluation["intervals"]["classes"]["tumour"];
    let close = |a: &serde_json::Value, b: &serde_json::Value| {
        let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    };
    let metrics = &evaluation["metrics"];
    close(&tumour["dice"]["value"], &metrics["DiceMetric"]["pooled"]["tumour"]);
    close(&tumour["iou_per_image"]["value"], &metrics["MeanIoU"]["mean_batch"]["tumour"]);
    close(&tumour["recall"]["value"], &metrics["ConfusionMatrixMetric"]["sensitivity"]["pooled"]["tumour"]);
    close(&tumour["surface_dice_per_image"]["value"], &metrics["SurfaceDiceMetric"]["mean_batch"]["tumour"]);
    close(&evaluation["intervals"]["val_metric"]["value"], &evaluation["dice"]);
    let counts: u64 = evaluation["confusion_matrix"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(counts, 13 * 64 * 64);

    let csv = std::fs::read_to_string(here.join("evaluation/evaluation.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 13 * 2);
    assert_eq!(rows[0][..4], ["image", "case", "class", "dice"]);
    assert_eq!(rows[1][..2], ["TCGA-A1-0000-DX1_0", "TCGA-A1-0000"]);
    let of_tumour: Vec<f64> = rows
        .iter()
        .filter(|row| row[2] == "tumour" && !row[3].is_empty())
        .map(|row| row[3].parse().unwrap())
        .collect();
    let mean = of_tumour.iter().sum::<f64>() / of_tumour.len() as f64;
    close(&mean.into(), &metrics["DiceMetric"]["mean_batch"]["tumour"]);

    let page = std::fs::read_to_string(here.join("evaluation/evaluation.html")).unwrap();
    crate::report::assert_self_contained(&page);
    assert!(page.contains(&format!("<h1>Dice {:.4}</h1>", evaluation["dice"].as_f64().unwrap())), "{page}");
    // Equal seeds give equal files.
    let (again, _, _) = outcome(here, &[&arguments[..], &["--output", "again"]].concat(), &[]);
    assert_eq!(again, Some(0));
    assert_eq!(json(here.join("again/evaluation.json")), evaluation);
}

#[test]
fn two_models_are_compared_on_the_same_images() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    write_patients(here);
    trained(here, &["train_hyp.max_epochs=1", "train_hyp.model_repo_location=a"]);
    trained(
        here,
        &["train_hyp.max_epochs=40", "train_hyp.learning_rate=0.01", "train_hyp.model_repo_location=b"],
    );
    let [a, b] = ["a", "b"].map(|name| package(&here.join(name)).display().to_string());
    let compare = |images: &str, b: &str| {
        let masks = format!("tissue/{images}_mask");
        let images = format!("tissue/{images}");
        let arguments = ["evaluate", "--model", &a, "--images", &images, "--masks", &masks, "--compare", b];
        let (code, printed, error) = outcome(here, &arguments, &[]);
        assert_eq!(code, Some(0), "{error}");
        (printed, json(here.join("evaluation/evaluation.json"))["comparison"].clone())
    };
    let (printed, comparison) = compare("eval", &b);
    let dice = &comparison["dice"]["val_metric"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!(number(&dice["b"]) > number(&dice["a"]), "{comparison:#}");
    let difference = &comparison["differences"]["val_metric"];
    assert!((number(&difference["value"]) - (number(&dice["b"]) - number(&dice["a"]))).abs() < 1e-12);
    // All six patients are better: 2 of 64 sign flips are as extreme.
    assert_eq!(dice["sign_flip_by_patient"]["p_value"], 2.0 / 64.0);
    assert_eq!(
        (&dice["wilcoxon_by_image"]["pairs"], &dice["wilcoxon_by_image"]["exact"]),
        (&12.into(), &true.into())
    );
    assert!(comparison["verdict"].as_str().unwrap().starts_with("B is better by"), "{comparison:#}");
    assert!(printed.contains("p by patient") && printed.contains("B is better by"), "{printed}");
    let page = std::fs::read_to_string(here.join("evaluation/evaluation.html")).unwrap();
    assert!(page.contains("Model B compared with model A") && page.contains("B is better"), "{page}");

    let (printed, comparison) = compare("eval", &a);
    assert_eq!(comparison["verdict"], "No difference.");
    assert!(printed.contains("No difference."), "{printed}");
    let (printed, _) = compare("val", &b);
    assert!(printed.contains("Too few patients to tell") && printed.contains("not reliable"), "{printed}");
}

#[test]
fn models_of_other_classes_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1", "train_hyp.model_repo_location=a"]);
    trained(
        here,
        &[
            "train_hyp.max_epochs=1",
            "train_hyp.model_repo_location=b",
            "data.label_map=bcss-3class",
            "model_hyp.out_channels=3",
        ],
    );
    let [a, b] = ["a", "b"].map(|name| package(&here.join(name)));
    let (code, _, error) = evaluate(here, &a, &["--compare", b.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("they must be the same, in the same order"), "{error}");
    let (code, _, error) = evaluate(here, &a, &["--confidence=1"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--confidence is 1; it must be above 0 and below 1"), "{error}");
}
