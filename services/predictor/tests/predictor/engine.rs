//! The engines of `bcs-predictor predict`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::{images, package};

/// Writes an image, and a model with its graph.
fn write(folder: &Path) {
    let model = package::write(folder);
    let graph = include_bytes!("fixtures/unet.onnx");
    fs::write(model.join("model.onnx"), graph).unwrap();
    let path = model.join("metadata.json");
    let mut metadata: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    metadata["files"]["model.onnx"] = package::sha256(graph).into();
    fs::write(path, metadata.to_string()).unwrap();
    fs::write(folder.join("a.png"), images::png(150, 90)).unwrap();
}

/// Segments the image, and returns the exit code and standard error.
fn predict(folder: &Path, program: &Path, engine: &str) -> (i32, String) {
    let Output { status, stderr, .. } = Command::new(program)
        .args(["predict", "--model", package::PATH, "--input", "a.png", "--device", "cpu"])
        .args(["--output", engine, "--engine", engine])
        .env_remove("OPENVINO_INSTALL_DIR")
        .current_dir(folder)
        .output()
        .unwrap();
    (status.code().unwrap(), String::from_utf8_lossy(&stderr).into_owned())
}

/// The program in a folder without OpenVINO's libraries beside or above it.
fn moved(folder: &Path) -> PathBuf {
    let (program, moved) = (Path::new(env!("CARGO_BIN_EXE_bcs-predictor")), folder.join("bcs-predictor"));
    // A copy where the folders are on different file systems.
    fs::hard_link(program, &moved).or_else(|_| fs::copy(program, &moved).map(drop)).unwrap();
    moved
}

#[test]
fn engines_give_the_same_mask() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let program = Path::new(env!("CARGO_BIN_EXE_bcs-predictor"));
    let mask = |engine: &str| {
        let (code, text) = predict(folder.path(), program, engine);
        assert_eq!(code, 0, "{text}");
        images::mask(&fs::read(folder.path().join(engine).join("a_mask.png")).unwrap())
    };
    let (torch, vino) = (mask("libtorch"), mask("openvino"));
    let other = torch.iter().zip(vino.iter()).filter(|(torch, vino)| torch != vino).count();
    assert!(other * 1000 <= torch.len(), "{other} of {} pixels have another class", torch.len());
    mask("auto");
}

#[test]
fn missing_libraries_are_an_error_unless_there_is_a_choice() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let program = moved(folder.path());
    let (code, text) = predict(folder.path(), &program, "openvino");
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("OpenVINO's libraries can't be loaded") && text.contains("scripts/setup"),
        "{text}"
    );
    let (code, text) = predict(folder.path(), &program, "auto");
    assert_eq!(code, 0, "{text}");
    assert!(folder.path().join("auto/a_mask.png").is_file());
}

#[test]
fn a_package_without_a_graph_runs_on_libtorch_alone() {
    let folder = tempfile::tempdir().unwrap();
    package::write(folder.path());
    fs::write(folder.path().join("a.png"), images::png(64, 64)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_bcs-predictor"));
    let (code, text) = predict(folder.path(), program, "openvino");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("a model package (folder) with a model.onnx"), "{text}");
    assert_eq!(predict(folder.path(), program, "auto").0, 0);
}
