//! Sliding-window inference against MONAI's, TorchScript against PyTorch's, and opening models;
//! `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::imported_version;
use bcs_imaging::windows::BlendMode;
use bcs_inference::libtorch::NetworkEngine;
use bcs_inference::{Engine, Options, Segmentation, SlidingWindow, open};
use bcs_model::nets::Network;
use bcs_model::package::{self, Existing, sha256};
use bcs_model::weights::{Load, load_state, write_safetensors};
use common::{floats, golden, largest_difference, tensors, with_prefix};
use image::RgbImage;
use tch::Device;

fn picture(name: &str) -> RgbImage {
    bcs_imaging::decode(&fs::read(golden(name)).unwrap(), bcs_imaging::Limits::default()).unwrap().rgb
}

/// The engine of the golden network.
fn golden_engine() -> NetworkEngine {
    let golden = tensors("window.safetensors");
    let metadata: PackageMetadata = serde_json::from_value(serde_json::json!({
        "architecture": {"name": "UNet", "arguments": {
            "spatial_dims": 2, "in_channels": 3, "out_channels": 3,
            "channels": [4, 8, 16], "strides": [2, 2], "num_res_units": 1,
        }},
        "classes": bcs_contracts::class::unnamed_classes(3),
        "input": {"tile": [32, 40]},
    }))
    .unwrap();
    let network = Network::new("UNet", &metadata.architecture.arguments, Device::Cpu).unwrap();
    load_state(&network, with_prefix(&golden, "state/"), Load::Strict).unwrap();
    NetworkEngine::from_parts(network, metadata, "golden".to_owned())
}

#[test]
fn blended_logits_are_monais() {
    let (golden, mut engine) = (tensors("window.safetensors"), golden_engine());
    let image = picture("window.png");
    for (mode, name) in [(BlendMode::Constant, "constant"), (BlendMode::Gaussian, "gaussian")] {
        let window = SlidingWindow { mode, ..SlidingWindow::default() };
        let logits = window.run(&mut engine, &image).unwrap();
        let difference = largest_difference(&logits.values, &floats(&golden[name]));
        assert!(difference < 1e-5, "{name}: {difference}");
    }
}

#[test]
fn logits_of_several_images_are_those_of_each() {
    let mut engine = golden_engine();
    let image = picture("window.png");
    let crop = |width, height| image::imageops::crop_imm(&image, 3, 2, width, height).to_image();
    let images = [image.clone(), crop(40, 32), crop(90, 21), crop(40, 32), crop(41, 33), crop(17, 16)];
    // libtorch's kernels round differently for other batch sizes, so only batches of one agree to the bit.
    for (batch, tolerance) in [(1, 0.0), (3, 1e-5), (8, 1e-5)] {
        let window = SlidingWindow { batch, ..SlidingWindow::default() };
        let together = window.run_all(&mut engine, &images).unwrap();
        for (image, logits) in images.iter().zip(&together) {
            let alone = window.run(&mut engine, image).unwrap();
            let difference = largest_difference(&logits.values, &alone.values);
            assert!(difference <= tolerance, "batch {batch}: {difference}");
        }
    }
}

#[test]
fn torchscript_archives_of_the_predecessor_run_unchanged() {
    let mut engine = open(&golden("script.pt"), &Options::on("cpu")).unwrap().engine().unwrap();
    assert_eq!(engine.info().classes.len(), 3);
    let image = picture("tile.png");
    let logits = SlidingWindow::default().run(engine.as_mut(), &image).unwrap();
    let expected = floats(&tensors("script.safetensors")["logits"]);
    let difference = largest_difference(&logits.values, &expected);
    assert!(difference < 1e-5, "{difference}");
    // Images of other sizes go through windows of the one size that the module is known to accept.
    for (width, height) in [(50, 60), (300, 230)] {
        let other = image::imageops::resize(&image, width, height, image::imageops::FilterType::Triangle);
        let segmentation =
            Segmentation::from_logits(&SlidingWindow::default().run(engine.as_mut(), &other).unwrap())
                .unwrap();
        assert_eq!(segmentation.mask.dimensions(), (width, height));
    }
}

#[test]
fn engines_of_a_model_share_its_weights_and_agree() {
    let folder = tempfile::tempdir().unwrap();
    let architecture = serde_json::json!({"name": "UNet", "arguments": {
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2],
        "num_res_units": 1, "norm": "batch",
    }});
    let arguments = architecture["arguments"].as_object().unwrap();
    let network = Network::new("UNet", arguments, Device::Cpu).unwrap();
    let metadata = serde_json::from_value(serde_json::json!({"architecture": architecture})).unwrap();
    let files = BTreeMap::from([("model.safetensors".to_owned(), write_safetensors(&network).unwrap())]);
    package::write(folder.path(), metadata, &files, Existing::Refuse).unwrap();
    let model = open(folder.path(), &Options::on("cpu")).unwrap();
    let image = image::imageops::crop_imm(&picture("window.png"), 0, 0, 64, 64).to_image();
    let mut expected = NetworkEngine::from_parts(
        network,
        serde_json::from_value(serde_json::json!({
            "architecture": architecture, "classes": bcs_contracts::class::unnamed_classes(2),
        }))
        .unwrap(),
        "memory".to_owned(),
    );
    let expected = SlidingWindow::run_whole(&mut expected, &image).unwrap();
    let (mut one, mut other) = (model.engine().unwrap(), model.engine().unwrap());
    let outputs = std::thread::scope(|scope| {
        let one = scope.spawn(|| SlidingWindow::run_whole(one.as_mut(), &image).unwrap());
        let other = scope.spawn(|| SlidingWindow::run_whole(other.as_mut(), &image).unwrap());
        [one.join().unwrap(), other.join().unwrap()]
    });
    for logits in outputs {
        assert_eq!(largest_difference(&logits.values, &expected.values), 0.0);
    }
}

#[test]
fn the_least_size_is_the_networks() {
    let mut engine = golden_engine();
    let [height, width] = engine.info().min_size.map(|side| side as u32);
    assert_eq!(engine.info().min_size, engine.network().min_size().map(|side| side as usize));
    let window = SlidingWindow::default();
    assert!(window.run(&mut engine, &RgbImage::new(width, height)).is_ok());
    let error = window.run(&mut engine, &RgbImage::new(width - 1, height)).unwrap_err().to_string();
    assert!(error.contains(&format!("at least {width}×{height}")), "{error}");
}

#[test]
fn a_version_names_the_weights_where_the_metadata_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let script = fs::read(golden("script.pt")).unwrap();
    let version = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        open(&path, &Options::on("cpu")).unwrap().info.version.clone()
    };
    assert_eq!(version("net.pt", &script), imported_version("net", &sha256(&script)));

    let architecture = serde_json::json!({"name": "UNet", "arguments": {
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [2, 4], "strides": [2],
    }});
    let weights = || {
        let arguments = architecture["arguments"].as_object().unwrap();
        write_safetensors(&Network::new("UNet", arguments, Device::Cpu).unwrap()).unwrap()
    };
    let metadata = serde_json::json!({"architecture": architecture}).to_string();
    fs::write(folder.path().join("metadata.json"), &metadata).unwrap();
    let (one, other) = (weights(), weights());
    assert_eq!(version("net.safetensors", &one), imported_version("net", &sha256(&one)));
    assert_ne!(version("net.safetensors", &other), imported_version("net", &sha256(&one)));

    let files = BTreeMap::from([("model.safetensors".to_owned(), one.clone())]);
    let package = folder.path().join("package");
    package::write(&package, serde_json::from_str(&metadata).unwrap(), &files, Existing::Refuse).unwrap();
    let model = open(&package, &Options::on("cpu")).unwrap();
    assert_eq!(model.info.version, imported_version("package", &sha256(&one)));
}

#[test]
fn other_files_are_errors_that_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.pt");
    fs::write(&text, "not a model").unwrap();
    let nested = folder.path().join("folder.pt");
    fs::create_dir(&nested).unwrap();
    for (path, part) in [
        (text, "not a TorchScript archive"),
        (nested, "metadata.json"),
        (folder.path().join("gone.pt"), "does not exist"),
        (folder.path().to_owned(), "metadata.json"),
        (golden("tile.png"), "a model package"),
    ] {
        let error = open(&path, &Options::on("cpu")).err().unwrap().to_string();
        assert!(error.contains("can't be opened") && error.contains(part), "{error}");
    }
}

#[test]
fn damaged_torchscript_archives_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.pt");
    let script = fs::read(golden("script.pt")).unwrap();
    let open_with = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        open(&path, &Options::on("cpu")).err().map(|error| error.to_string())
    };
    for length in [0, 3, 1000, script.len() / 2, script.len() - 1] {
        assert!(open_with(&script[..length]).is_some(), "{length}");
    }
    // The first storage begins 64 bytes into the file.
    let mut damaged = script.clone();
    damaged[100] ^= 1;
    let error = open_with(&damaged).unwrap();
    assert!(error.contains("'script/data/0' is damaged"), "{error}");
}
