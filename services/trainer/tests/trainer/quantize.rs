//! Quantization, as a user runs it.

use std::path::Path;

use bcs_tests::package;

use crate::support::{json, outcome, trained, write_tissue};

fn quantize(here: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let model = package(&here.join("models"));
    let arguments = [
        "quantize",
        "--model",
        model.to_str().unwrap(),
        "--calibration",
        "tissue/train",
        "--images",
        "tissue/val",
        "--masks",
        "tissue/val_mask",
        "--output",
        "quantized",
    ];
    outcome(here, &[&arguments[..], more].concat(), &[])
}

#[test]
fn a_package_gets_a_quantized_graph_and_says_what_it_costs() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1"]);
    let (code, printed, error) = quantize(here, &["--max-loss", "1"]);
    if !bcs_inference::has_int8() {
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("no instructions for int8"), "{error}");
        return;
    }
    assert_eq!(code, Some(0), "{error}");
    for text in ["model.0.conv", "int8", "bfloat16", "Dice pooled", "PRECISION=int8"] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
    let given = json(package(&here.join("models")).join("metadata.json"));
    let metadata = json(here.join("quantized/metadata.json"));
    assert_eq!(metadata["version"], given["version"]);
    assert_eq!(metadata["files"]["model.safetensors"], given["files"]["model.safetensors"]);
    assert!(metadata["files"]["model.int8.onnx"].is_string(), "{metadata}");
    let quantization = &metadata["quantization"];
    assert_eq!(quantization["calibration_images"], 2);
    assert_eq!(quantization["images"], 1);
    assert_eq!(quantization["float_layers"], serde_json::json!([]));
    let size = |file: &str| std::fs::metadata(here.join("quantized").join(file)).unwrap().len();
    assert!(size("model.int8.onnx") < size("model.onnx"), "{printed}");

    let (code, _, error) = quantize(here, &["--max-loss", "1"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--overwrite"), "{error}");
    // No score is two better than another.
    let (code, _, error) = quantize(here, &["--max-loss=-2", "--overwrite"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("no convolution can be quantized within --max-loss -2"), "{error}");
}
