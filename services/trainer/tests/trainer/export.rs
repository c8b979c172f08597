//! Export of models, as a user runs it.

use std::collections::HashMap;
use std::path::Path;

use bcs_tests::package;

use crate::support::{json, outcome, trained, write_tissue};

fn export(here: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let package = package(&here.join("models"));
    outcome(here, &[&["export", "--model", package.to_str().unwrap()], arguments].concat(), &[])
}

/// Entries of a safetensors header about the file as a whole.
fn header(path: &Path) -> HashMap<String, String> {
    let file = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    serde_json::from_value(header["__metadata__"].clone()).unwrap()
}

#[test]
fn an_export_describes_itself_and_replaces_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);

    let (code, printed, error) = export(here, &["--format", "safetensors"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("net = monai.networks.nets.UNet(spatial_dims=2, in_channels=3"), "{printed}");
    assert!(printed.contains("load_state_dict(safetensors.torch.load_file(\"export/model.safetensors\"))"));
    let header = header(&here.join("export/model.safetensors"));
    let metadata = json(package(&here.join("models")).join("metadata.json"));
    assert_eq!(header["network"], "UNet");
    let arguments: serde_json::Value = serde_json::from_str(&header["arguments"]).unwrap();
    assert_eq!(arguments, metadata["architecture"]["arguments"]);
    assert_eq!(header["classes"], "[\"other\",\"tumour\"]");
    assert_eq!(metadata["version"], header["version"].as_str());
    assert_eq!(json(here.join("export/metadata.json"))["classes"], metadata["classes"]);

    // Another format of the same model goes beside it.
    let (code, printed, error) = export(here, &["--format", "torchscript"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("torch.jit.load(\"export/model.pt\")"), "{printed}");
    let (code, _, error) = export(here, &["--format", "torchscript"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("export/model.pt exists already") && error.contains("--overwrite"), "{error}");
    assert_eq!(export(here, &["--format", "torchscript", "--overwrite"]).0, Some(0));
    // The package has the same graph.
    let (code, printed, error) = export(here, &["--format", "onnx"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("onnxruntime.InferenceSession(\"export/model.onnx\")"), "{printed}");
    let read = |path| std::fs::read(path).unwrap();
    let graph = read(package(&here.join("models")).join("model.onnx"));
    assert!(graph == read(here.join("export/model.onnx")), "the files differ");
    assert!(metadata["files"]["model.onnx"].is_string(), "{metadata}");

    // The description of another model is not replaced, and nothing is written.
    std::fs::write(here.join("export/metadata.json"), "{}").unwrap();
    let (code, _, error) = export(here, &["--format", "torchscript", "--output", "export/other.pt"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("export/metadata.json exists already"), "{error}");
    assert!(!here.join("export/other.pt").exists());
}

#[test]
fn an_export_can_be_exported_again() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    assert_eq!(export(here, &["--format", "safetensors", "--output", "one/net.safetensors"]).0, Some(0));
    let arguments = ["export", "--model", "one/net.safetensors", "--format", "safetensors"];
    let (code, _, error) = outcome(here, &arguments, &[]);
    assert_eq!(code, Some(0), "{error}");
    let read = |file: &str| std::fs::read(here.join(file)).unwrap();
    assert!(read("one/net.safetensors") == read("export/model.safetensors"), "the files differ");

    let (code, _, error) = outcome(here, &["export", "--model", "gone", "--format", "torchscript"], &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--model gone"), "{error}");
    let (code, _, error) = export(here, &["--format", "pickle"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("torchscript, safetensors, onnx"), "{error}");
}
