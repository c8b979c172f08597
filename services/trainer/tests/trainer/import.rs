//! Import of models from elsewhere, as a user runs it.

use std::path::Path;

use bcs_tests::{SMALL, package};

use crate::support::{json, outcome, trained, write_tissue};

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
    trained(here, &["train_hyp.max_epochs=1"]);
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
fn a_partial_import_lists_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    std::fs::copy(package(&here.join("models")).join("model.safetensors"), here.join("net.safetensors"))
        .unwrap();
    // Five classes instead of two: the last level has other shapes.
    let more = ["model_hyp.out_channels=5"];
    let (code, error) = import(here, "net.safetensors", &more);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("model.2.0.conv.weight: [8, 2, 3, 3] in the file, [8, 5, 3, 3]"), "{error}");
    let arguments = ["import", "--weights", "net.safetensors", "--output", "imported", "--allow-partial"];
    let (code, printed, error) = outcome(here, &[&arguments[..], &[SMALL[2], SMALL[3]], &more].concat(), &[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("; left as initialized: model.2.0.conv (2), model.2.1 (2)"), "{printed}");
    let read = |file: &str| {
        let bytes = std::fs::read(here.join(file)).unwrap();
        bcs_model::weights::read_safetensors(&bytes, file).unwrap()
    };
    let (given, imported) = (read("net.safetensors"), read("imported/model.safetensors"));
    assert!(imported["model.0.conv.unit0.conv.weight"].equal(&given["model.0.conv.unit0.conv.weight"]));
    assert_eq!(imported["model.2.1.conv.unit0.conv.bias"].size(), [5]);

    let other =
        ["model_hyp.model=BasicUNet", "model_hyp.features=[2,2,2,2,2,2]", "--allow-partial", "--overwrite"];
    let (code, error) = import(here, "net.safetensors", &other);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("no parameter of the file fits"), "{error}");
}
