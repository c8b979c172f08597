//! The sliding window against MONAI's, and TorchScript against PyTorch; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_contracts::PackageMetadata;
use bcs_imaging::windows::BlendMode;
use bcs_inference::libtorch::{NetworkEngine, open};
use bcs_inference::{Segmentation, SlidingWindow};
use bcs_model::nets::Network;
use bcs_model::weights::{load_state, read_safetensors};
use image::RgbImage;
use tch::{Device, Tensor};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn tensors(name: &str) -> BTreeMap<String, Tensor> {
    read_safetensors(&std::fs::read(golden(name)).unwrap(), name).unwrap()
}

fn picture(name: &str) -> RgbImage {
    bcs_imaging::decode(&std::fs::read(golden(name)).unwrap(), bcs_imaging::Limits::default()).unwrap().rgb
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten(0, -1).try_into().unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
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
    let state = golden
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("state/")?.to_owned(), tensor.shallow_clone())));
    load_state(&network, state.collect()).unwrap();
    NetworkEngine::from_parts(network, metadata, None, "golden".to_owned())
}

#[test]
fn blended_logits_are_monais() {
    let (golden, mut engine) = (tensors("window.safetensors"), golden_engine());
    let image = picture("window.png");
    for (mode, name) in [(BlendMode::Constant, "constant"), (BlendMode::Gaussian, "gaussian")] {
        let window = SlidingWindow { overlap: 0.25, mode, batch: 4 };
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
fn a_torchscript_of_the_predecessor_runs_unchanged() {
    let mut engine = open(&golden("script.pt"), Device::Cpu).unwrap();
    assert_eq!(engine.info().classes.len(), 3);
    let image = picture("tile.png");
    let logits = SlidingWindow::default().run(engine.as_mut(), &image).unwrap();
    let expected = floats(&tensors("script.safetensors")["logits"]);
    let difference = largest_difference(&logits.values, &expected);
    assert!(difference < 1e-5, "{difference}");
    // Smaller and larger images go through the one size that the script is known to take.
    for (width, height) in [(50, 60), (300, 230)] {
        let other = image::imageops::resize(&image, width, height, image::imageops::FilterType::Triangle);
        let segmentation =
            Segmentation::from_logits(&SlidingWindow::default().run(engine.as_mut(), &other).unwrap())
                .unwrap();
        assert_eq!(segmentation.mask.dimensions(), (width, height));
    }
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.pt");
    std::fs::write(&text, "not a model").unwrap();
    for path in [text, folder.path().join("gone"), folder.path().to_owned(), golden("tile.png")] {
        let error = open(&path, Device::Cpu).err().unwrap().to_string();
        assert!(error.contains("can't be opened") && error.len() < 400, "{error}");
    }
}
