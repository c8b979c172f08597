//! Every network trains, evaluates, and is packaged, exported and served.

use std::path::Path;

use bcs_inference::SlidingWindow;
use bcs_model::nets;
use bcs_model::weights::read_safetensors;
use bcs_tests::{package, run_ok};
use image::RgbImage;

use crate::support::{SIDE, json, trained, write_tissue};

/// Each network with arguments that make it small.
const NETWORKS: [(&str, &[&str]); 7] = [
    ("UNet", &["model_hyp.channels=[4,8]", "model_hyp.strides=[2]", "model_hyp.norm=batch"]),
    ("AttentionUnet", &["model_hyp.channels=[4,8]", "model_hyp.strides=[2]"]),
    ("BasicUNet", &["model_hyp.features=[4,4,4,4,4,4]"]),
    ("BasicUNetPlusPlus", &["model_hyp.features=[2,2,2,2,2,2]"]),
    ("SegResNet", &["model_hyp.init_filters=8", "model_hyp.blocks_down=[1,1]", "model_hyp.blocks_up=[1]"]),
    ("FlexibleUNet", &["model_hyp.backbone=resnet10", "model_hyp.decoder_channels=[4,4,4,4,4]"]),
    (
        "DynUNet",
        &[
            "model_hyp.kernel_size=[3,3,3]",
            "model_hyp.strides=[1,2,2]",
            "model_hyp.upsample_kernel_size=[2,2]",
            "model_hyp.filters=[4,4,8]",
            "model_hyp.deep_supervision=true",
        ],
    ),
];

#[test]
fn every_network_is_trained_evaluated_exported_and_served() {
    let names: Vec<&str> = NETWORKS.iter().map(|(name, _)| *name).collect();
    for name in nets::names() {
        assert!(names.contains(&name), "{name} is not tested");
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    for (name, arguments) in NETWORKS {
        let model = format!("model_hyp.model={name}");
        let arguments = [&[model.as_str()], arguments].concat();
        let repository = format!("train_hyp.model_repo_location={name}");
        trained(here, &[&arguments[..], &["train_hyp.max_epochs=1", &repository]].concat());
        let package = package(&here.join(name));
        assert_eq!(json(package.join("metadata.json"))["architecture"]["name"], name);
        evaluate(here, &package);
        export(here, &package, "torchscript", &format!("{name}-export/model.pt"));
        export(here, &package, "safetensors", &format!("{name}-export/model.safetensors"));
        import(here, name, &arguments, &package);
        serve(here, name, &package);
    }
}

fn evaluate(here: &Path, package: &Path) {
    let arguments =
        ["evaluate", "--model", text(package), "--images", "tissue/val", "--masks", "tissue/val_mask"];
    let printed = run_ok("bcs-trainer", &arguments, here, &[]);
    assert!(printed.contains("tumour") && printed.contains("HD95"), "{printed}");
}

fn export(here: &Path, package: &Path, format: &str, output: &str) {
    let arguments = ["export", "--model", text(package), "--format", format, "--output", output];
    run_ok("bcs-trainer", &arguments, here, &[]);
}

/// Imports the exported safetensors file, and compares the parameters with those of the package bit by bit.
fn import(here: &Path, name: &str, arguments: &[&str], package: &Path) {
    let weights = format!("{name}-export/model.safetensors");
    let output = format!("{name}-imported");
    let given = ["import", "--weights", &weights, "--output", &output, "data.label_map=bcss-22-tumor"];
    run_ok("bcs-trainer", &[&given[..], arguments].concat(), here, &[]);
    let read = |folder: &Path| {
        let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
        read_safetensors(&bytes, "the package").unwrap()
    };
    let (trained, imported) = (read(package), read(&here.join(output)));
    assert_eq!(trained.len(), imported.len());
    for (tensor, value) in &trained {
        assert!(value.equal(&imported[tensor]), "{name}: {tensor}");
    }
}

/// Runs the package and the exported TorchScript on a tile with the predictor's engines.
fn serve(here: &Path, name: &str, package: &Path) {
    let side = SIDE as usize;
    let pixels: Vec<u8> = (0..side * side * 3).map(|index| (index * 7 % 251) as u8).collect();
    let image = RgbImage::from_raw(SIDE, SIDE, pixels).unwrap();
    let script = here.join(format!("{name}-export/model.pt"));
    let [of_package, of_script] = [package, &script].map(|model| {
        let mut engine =
            bcs_inference::open(model, &bcs_inference::Options::on("cpu")).unwrap().engine().unwrap();
        assert_eq!(engine.info().classes[0].name, json(package.join("metadata.json"))["classes"][0]["name"]);
        SlidingWindow::run_whole(engine.as_mut(), &image).unwrap().values
    });
    assert_eq!(of_package.len(), 2 * side * side);
    let largest = of_package.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    for (one, other) in of_package.iter().zip(&of_script) {
        assert!((one - other).abs() <= 1e-5 * largest.max(1.0), "{name}: {one} and {other}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
