//! `bcs-predictor predict`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::{images, package};

fn predict(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bcs-predictor"));
    let Output { status, stderr, .. } = command
        .arg("predict")
        .args(arguments)
        .args(["--device", "cpu"])
        .current_dir(folder)
        .output()
        .unwrap();
    (status.code().unwrap(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_folder_is_segmented_and_invalid_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    package::write(folder.path());
    let input = folder.path().join("in");
    fs::create_dir(&input).unwrap();
    for (name, bytes) in
        [("a.png", images::png(64, 64)), ("b.png", b"nothing".to_vec()), ("c.png", images::png(90, 70))]
    {
        fs::write(input.join(name), bytes).unwrap();
    }
    let (code, text) =
        predict(folder.path(), &["--model", package::PATH, "--input", "in", "--output", "out"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("b.png") && text.contains("1 of 3"), "{text}");
    for (name, size) in [("a", (64, 64)), ("c", (90, 70))] {
        let read = |ending: &str| fs::read(folder.path().join(format!("out/{name}{ending}"))).unwrap();
        assert_eq!(images::mask(&read("_mask.png")).dimensions(), size);
        assert_eq!(images::pixels(&read("_overlay.png")).dimensions(), size);
        let record: Value = serde_json::from_slice(&read(".json")).unwrap();
        assert_eq!(
            (&record["mask"], &record["model_version"]),
            (&format!("{name}_mask.png").into(), &package::VERSION.into())
        );
    }
}

#[test]
fn records_have_source_and_case() {
    let folder = tempfile::tempdir().unwrap();
    package::write(folder.path());
    fs::create_dir(folder.path().join("in")).unwrap();
    for name in ["TCGA-A2-A1G6-DX1_0_0.png", "tile.png"] {
        fs::write(folder.path().join("in").join(name), images::png(64, 64)).unwrap();
    }
    let origin_of = |arguments: &[&str], name: &str| {
        let fixed = ["--model", package::PATH, "--input", "in", "--output", "out"];
        let (code, text) = predict(folder.path(), &[&fixed, arguments].concat());
        assert_eq!(code, 0, "{text}");
        let bytes = fs::read(folder.path().join(format!("out/{name}.json"))).unwrap();
        let record: Value = serde_json::from_slice(&bytes).unwrap();
        (record["source"].clone(), record["case"].clone())
    };
    let tcga = "TCGA-A2-A1G6-DX1_0_0";
    assert_eq!(origin_of(&[], tcga), (Value::Null, "TCGA-A2-A1G6".into()));
    assert_eq!(origin_of(&["--source", "site-3"], "tile"), ("site-3".into(), Value::Null));
    assert_eq!(origin_of(&["--source", "s", "--case", "c"], tcga), ("s".into(), "c".into()));
}

#[test]
fn logits_are_one_tensor_of_the_size_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    package::write(folder.path());
    for (name, width, height) in [("whole", 128, 96), ("windows", 101, 77)] {
        fs::write(folder.path().join(format!("{name}.png")), images::png(width, height)).unwrap();
        let (image, file) = (format!("{name}.png"), format!("{name}.safetensors"));
        let arguments = ["--model", package::PATH, "--input", &image, "--output", "out", "--logits", &file];
        let (code, text) = predict(folder.path(), &arguments);
        assert_eq!(code, 0, "{text}");
        let bytes = fs::read(folder.path().join(file)).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.names(), ["logits"]);
        let logits = tensors.tensor("logits").unwrap();
        assert_eq!(
            (logits.dtype(), logits.shape()),
            (Dtype::F32, &[1, 2, height as usize, width as usize][..])
        );
    }
}

/// The fake engine looks at single pixels, so that its logits do not depend on the window.
#[cfg(feature = "libtorch")]
#[test]
fn options_of_the_window_reach_the_logits() {
    let folder = tempfile::tempdir().unwrap();
    package::write(folder.path());
    fs::write(folder.path().join("a.png"), images::png(128, 96)).unwrap();
    let logits = |options: &[&str]| {
        let fixed =
            ["--model", package::PATH, "--input", "a.png", "--output", "out", "--logits", "l.safetensors"];
        let (code, text) = predict(folder.path(), &[&fixed, options].concat());
        assert_eq!(code, 0, "{options:?}: {text}");
        let bytes = fs::read(folder.path().join("l.safetensors")).unwrap();
        let data = SafeTensors::deserialize(&bytes).unwrap().tensor("logits").unwrap().data().to_vec();
        data.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap())).collect::<Vec<_>>()
    };
    let outputs = [
        // The image in one piece.
        logits(&[]),
        logits(&["--batch", "3"]),
        logits(&["--overlap", "0.5"]),
        logits(&["--overlap", "0.5,0.25", "--mode", "constant"]),
        logits(&["--sigma-scale", "0.5"]),
        logits(&["--roi-size", "32,48"]),
        logits(&["--roi-size", "160", "--padding", "reflect"]),
        logits(&["--roi-size", "160", "--padding", "constant=0.5"]),
        logits(&["--tta", "flips"]),
        logits(&["--tta", "flips-rotations"]),
    ];
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!(output.len(), 2 * 128 * 96);
        assert!(outputs[..index].iter().all(|other| other != output), "{index}");
    }
    // With test-time augmentation, the logits are those of a probability.
    let (first, second) = outputs[9].split_at(128 * 96);
    assert!(first.iter().zip(second).all(|(a, b)| (a.exp() + b.exp() - 1.0).abs() < 1e-5));
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    package::write(folder.path());
    let input = folder.path().join("in");
    fs::create_dir(&input).unwrap();
    for name in ["a.png", "b.png"] {
        fs::write(input.join(name), images::png(32, 32)).unwrap();
    }
    let cases: [(&[&str], &str); 14] = [
        (&["--model", package::PATH, "--input", "gs://Tiles/a.png", "--output", "out"], "lower-case"),
        (&["--model", "gs://Models/best", "--input", "in", "--output", "out"], "lower-case"),
        (&["--model", package::PATH, "--input", "none", "--output", "out"], "none"),
        (&["--model", "none", "--input", "in", "--output", "out"], "none"),
        (&["--model", package::PATH, "--input", "in", "--output", "in"], "--output"),
        (
            &["--model", package::PATH, "--input", "in", "--output", "out", "--logits", "l.safetensors"],
            "exactly one",
        ),
        (
            &["--model", package::PATH, "--input", "in", "--output", "out", "--source", "two words"],
            "--source",
        ),
        (
            &["--model", package::PATH, "--input", "in", "--output", "out", "--case", "a/b"],
            "1 to 64 ASCII letters",
        ),
        (&["--model", package::PATH, "--input", "in", "--output", "out", "--overlap", "1"], "less than 1"),
        (&["--model", package::PATH, "--input", "in", "--output", "out", "--overlap", "0.5,half"], "'half'"),
        (&["--model", package::PATH, "--input", "in", "--output", "out", "--mode", "mean"], "gaussian"),
        (
            &["--model", package::PATH, "--input", "in", "--output", "out", "--roi-size", "33"],
            "multiples of 2×2",
        ),
        (&["--model", package::PATH, "--input", "in", "--output", "out", "--padding", "edge"], "replicate"),
        (&["--model", package::PATH, "--input", "in", "--output", "out", "--tta", "all"], "flips-rotations"),
    ];
    for (arguments, word) in cases {
        let (code, text) = predict(folder.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains(word), "{word}: {text}");
    }
}
