//! Import and evaluation of models from elsewhere, as a user runs them.

use std::path::Path;

use bcs_tests::{SMALL, package};

use crate::support::{json, outcome, train, write_tissue};

fn import(folder: &Path, weights: &str, more: &[&str]) -> (Option<i32>, String) {
    let arguments = ["import", "--weights", weights, "--output", "imported"];
    let network = ["data.label_map=bcss-22-tumor", SMALL[2], SMALL[3]];
    let (code, _, error) = outcome(folder, &[&arguments[..], &network, more].concat(), &[]);
    (code, error)
}

#[test]
fn an_import_names_its_weights_and_replaces_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    assert_eq!(train(here, &["train_hyp.max_epochs=1"]).0, Some(0));
    let weights = package(&here.join("models")).join("model.safetensors");
    std::fs::copy(&weights, here.join("net.safetensors")).unwrap();

    let (code, error) = import(here, "net.safetensors", &[]);
    assert_eq!(code, Some(0), "{error}");
    let metadata = json(here.join("imported/metadata.json"));
    let sha256 = metadata["files"]["model.safetensors"].as_str().unwrap();
    assert_eq!(metadata["version"], format!("imported-{}", &sha256[..8]));

    let (code, error) = import(here, "net.safetensors", &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("imported exists already") && error.contains("--overwrite"), "{error}");
    let (code, error) = import(here, "net.safetensors", &["--overwrite"]);
    assert_eq!(code, Some(0), "{error}");

    // The last four bytes are a parameter.
    let mut bytes = std::fs::read(&weights).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(here.join("nan.safetensors"), bytes).unwrap();
    let (code, error) = import(here, "nan.safetensors", &["--overwrite"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("NaN") && error.contains("model."), "{error}");
    assert_eq!(json(here.join("imported/metadata.json"))["version"], metadata["version"]);
}

#[test]
fn weights_that_cannot_be_read_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("net.txt"), "weights").unwrap();
    std::fs::write(here.join("net.pt"), "no zip archive").unwrap();
    std::fs::create_dir(here.join("folder.pt")).unwrap();
    let cases = [
        ("gone.pt", 2, "no such file"),
        ("net.txt", 1, "neither a safetensors file nor"),
        ("net.pt", 1, "net.pt"),
        ("folder.pt", 1, "folder"),
    ];
    for (weights, code, expected) in cases {
        let (found, error) = import(here, weights, &[]);
        assert_eq!(found, Some(code), "{weights}: {error}");
        assert!(error.contains(expected), "{weights}: {error}");
        assert!(!here.join("imported").exists());
    }
}

#[test]
fn evaluation_names_its_own_flags() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    assert_eq!(train(here, &["train_hyp.max_epochs=1"]).0, Some(0));
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
