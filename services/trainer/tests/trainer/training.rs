//! Training as a user runs it: it learns, the same seed gives the same model, and scores and versions mean one thing.

use std::path::Path;

use bcs_tests::{package, run_ok};
use serde_json::json;

use crate::support::{json, metrics, output, trained, write_tile, write_tissue};

/// Least pooled Dice of tumour that [`a_run_learns`] must reach. Half of its validation pixels are tumour, so that a
/// network that predicts tumour everywhere reaches 0.67; untrained ones reach 0.31 to 0.68 with seeds 0 to 5.
const MIN_DICE: f64 = 0.9;

fn synthesize(folder: &Path, slides: &str, tiles: &str) {
    let arguments =
        ["synthesize", "--output", "tissue", "--slides", slides, "--tiles", tiles, "--size", "64"];
    run_ok("bcs-trainer", &arguments, folder, &[]);
}

#[test]
fn a_run_learns() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let tissue = here.join("tissue");
    for index in 0..8 {
        let codes = if index % 2 == 0 { [1, 2] } else { [2, 1] };
        write_tile(&tissue, if index < 6 { "train" } else { "val" }, &format!("tile-{index}"), codes);
    }
    let printed = trained(here, &["train_hyp.max_epochs=12", "train_hyp.learning_rate=1e-2"]);
    let log = std::fs::read_to_string(output(here).join("bcs-trainer.log")).unwrap();
    assert!(log.contains("epoch 11") && printed.contains(&log), "{log}");
    let validation = &json(package(&here.join("models")).join("metadata.json"))["validation"];
    let dice = validation["val_metric"].as_f64().unwrap();
    assert!(dice >= MIN_DICE, "pooled Dice {dice} after training");
}

#[test]
fn the_same_seed_trains_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    synthesize(here, "5", "4");
    // Neither threads nor batches of validation change the model.
    trained(here, &["train_hyp.model_repo_location=one"]);
    let more = ["train_hyp.training_num_workers=3", "train_hyp.validation_num_workers=2"];
    let other =
        [&more[..], &["train_hyp.model_repo_location=two", "train_hyp.validation_batch_size=1"]].concat();
    trained(here, &other);
    let read =
        |repository: &str, file: &str| std::fs::read(package(&here.join(repository)).join(file)).unwrap();
    assert!(read("one", "model.safetensors") == read("two", "model.safetensors"), "the models differ");
    let metric = |repository: &str| {
        let metadata = json(package(&here.join(repository)).join("metadata.json"));
        metadata["validation"]["val_metric"].as_f64().unwrap()
    };
    assert!((metric("one") - metric("two")).abs() < 1e-3);
}

#[test]
fn the_dry_run_leaves_no_trace_in_the_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    // At this learning rate the trained parameters are the initial ones.
    let overrides = ["train_hyp.learning_rate=1e-30", "train_hyp.weight_decay=0", "train_hyp.seed=5"];
    trained(here, &[&overrides[..], &["train_hyp.max_epochs=1", "model_hyp.num_res_units=1"]].concat());
    let folder = package(&here.join("models"));
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let found = bcs_model::weights::read_safetensors(&bytes, "the package").unwrap();
    let architecture = json(folder.join("metadata.json"))["architecture"].clone();
    tch::manual_seed(5);
    let arguments = architecture["arguments"].as_object().unwrap();
    let network = bcs_model::nets::Network::new("UNet", arguments, tch::Device::Cpu).unwrap();
    for (name, tensor) in network.state() {
        assert!(found[&name].allclose(&tensor, 1e-6, 1e-12, false), "{name} is not the initial one");
    }
}

#[test]
fn val_metric_averages_the_same_classes_in_every_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    // Training tiles have necrosis (4), validation tiles do not: it may be predicted in some epochs and not in others.
    write_tile(&here.join("tissue"), "train", "TCGA-A4-0004-DX1_0", [4, 1]);
    let overrides = ["data.label_map=bcss-5class", "model_hyp.out_channels=5", "train_hyp.max_epochs=6"];
    let printed = trained(here, &[&overrides[..], &["train_hyp.learning_rate=3e-2"]].concat());
    assert!(printed.contains(
        "mean of tumour, stroma; left out, as no mask has pixels of them: inflammatory, necrosis, other"
    ));
    for epoch in metrics(here) {
        let dice = |class: &str| epoch["val_dice"][class].as_f64().unwrap_or(0.0);
        let expected = (dice("tumour") + dice("stroma")) / 2.0;
        let found = epoch["val_metric"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12, "{epoch}");
    }
    let package = package(&here.join("models"));
    let validation = json(package.join("metadata.json"))["validation"].clone();
    assert_eq!(validation["counted"], json!(["tumour", "stroma"]));

    // An evaluation of the validation tiles is the same score.
    let arguments = ["evaluate", "--model", package.to_str().unwrap(), "--images", "tissue/val", "--masks"];
    let printed = run_ok("bcs-trainer", &[&arguments[..], &["tissue/val_mask"]].concat(), here, &[]);
    assert!(printed.contains("mean of tumour, stroma; left out"), "{printed}");
    let evaluation = json(here.join("evaluation/evaluation.json"));
    assert_eq!(evaluation["counted"], validation["counted"]);
    let difference = evaluation["dice"].as_f64().unwrap() - validation["val_metric"].as_f64().unwrap();
    assert!(difference.abs() < 1e-9);
}

#[test]
fn versions_name_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=3", "train_hyp.learning_rate=1e-2"]);
    let package = package(&here.join("models"));
    let mut versions = std::collections::BTreeMap::new();
    let checkpoints = std::fs::read_dir(package.with_file_name("checkpoints")).unwrap();
    let folders = checkpoints.map(|entry| entry.unwrap().path()).chain([package.clone()]);
    for folder in folders {
        let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
        let version = json(folder.join("metadata.json"))["version"].as_str().unwrap().to_owned();
        let previous = versions.insert(version.clone(), weights.clone());
        assert!(previous.is_none_or(|previous| previous == weights), "{version} names two models");
    }
    let version = json(package.join("metadata.json"))["version"].as_str().unwrap().to_owned();
    let run = package.parent().unwrap().file_name().unwrap().to_str().unwrap();
    assert!(version.starts_with(&format!("{run}-epoch=0")), "{version}");
    let reference = json(package.join("reference.json"));
    assert_eq!(reference["model_version"], version);
    let names = |classes: &serde_json::Value| {
        classes.as_array().unwrap().iter().map(|class| class["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&reference["calibration"]), names(&json(package.join("metadata.json"))["classes"]));
}

#[test]
fn saved_files_hold_no_secrets_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let overrides = [
        "train_hyp.max_epochs=1",
        "train_hyp.model_repo_location='${oc.env:REPOSITORY}'",
        "+unittest.note='a: b'",
    ];
    let arguments = [&bcs_tests::SMALL[..], &overrides].concat();
    run_ok("bcs-trainer", &arguments, here, &[("REPOSITORY", "hidden-place")]);
    let hydra = output(here).join(".hydra");
    for path in [hydra.join("config.yaml"), package(&here.join("hidden-place")).join("config.yaml")] {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("${oc.env:REPOSITORY}") && !text.contains("hidden-place"), "{text}");
    }
    let saved = bcs_config::yaml::read(&hydra.join("overrides.yaml")).unwrap();
    let saved: Vec<&str> = saved.as_list().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(saved, arguments);
}

#[test]
fn a_sweep_prints_its_configurations_or_runs_them() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let sweep = ["-m", "train_hyp.max_epochs=1", "train_hyp.seed=1,2"];
    let printed = trained(here, &[&sweep[..], &["--cfg", "job"]].concat());
    let documents: Vec<&str> = printed.split("---\n").collect();
    assert!(documents[0].contains("seed: 1\n") && documents[1].contains("seed: 2\n"), "{printed}");
    assert!(printed.contains("${data.root}/train"), "{printed}");
    assert!(!here.join("multirun").exists() && !here.join("models").exists());

    trained(here, &sweep);
    let runs = std::fs::read_dir(here.join("models")).unwrap().count();
    assert_eq!(runs, 2, "two runs of one second have two folders");
}

/// Parameters of the only package, by name.
fn parameters(folder: &Path) -> std::collections::BTreeMap<String, tch::Tensor> {
    let bytes = std::fs::read(package(&folder.join("models")).join("model.safetensors")).unwrap();
    bcs_model::weights::read_safetensors(&bytes, "the package").unwrap()
}

#[test]
fn mixed_precision_trains_parameters_in_float32() {
    for norm in ["instance", "batch", "[group,{num_groups: 2}]"] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        write_tissue(here);
        let norm = format!("model_hyp.norm={norm}");
        let overrides = [&*norm, "train_hyp.max_epochs=8", "train_hyp.learning_rate=1e-2"];
        trained(here, &[&overrides[..], &["train_hyp.precision=bf16-mixed"]].concat());
        let losses: Vec<f64> = metrics(here).iter().map(|epoch| epoch["loss"].as_f64().unwrap()).collect();
        assert!(losses[7] < 0.8 * losses[0], "{norm}: {losses:?}");
        for (name, tensor) in parameters(here) {
            assert_ne!(tensor.kind(), tch::Kind::BFloat16, "{name}");
            if name.ends_with("running_mean") {
                assert!(tensor.abs().max().double_value(&[]) > 0.0, "{name} was not updated");
            }
        }
    }
}

#[test]
fn frozen_parameters_keep_their_values() {
    for precision in ["32-true", "bf16-mixed"] {
        frozen_parameters_keep_their_values_in(precision);
    }
}

fn frozen_parameters_keep_their_values_in(precision: &str) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let overrides = ["train_hyp.max_epochs=1", "train_hyp.learning_rate=1e-2", "train_hyp.seed=5"];
    let precision = format!("train_hyp.precision={precision}");
    trained(here, &[&overrides[..], &["train_hyp.freeze=[model.0]", &precision]].concat());
    let metadata = json(package(&here.join("models")).join("metadata.json"));
    let arguments = metadata["architecture"]["arguments"].as_object().unwrap();
    tch::manual_seed(5);
    let network = bcs_model::nets::Network::new("UNet", arguments, tch::Device::Cpu).unwrap();
    let trained = parameters(here);
    for (name, tensor) in network.state() {
        let same = trained[&name].allclose(&tensor, 0.0, 0.0, false);
        assert_eq!(same, name.starts_with("model.0."), "{name}");
    }
    let (code, _, error) = crate::support::train(here, &["train_hyp.freeze=[encoder]"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("encoder, which is the beginning of no trainable parameter"), "{error}");
}

#[test]
fn optimizers_and_schedules_learn() {
    for overrides in [
        &["train_hyp.optimizer=SGD", "train_hyp.optimizer_arguments.momentum=0.9"][..],
        &["train_hyp.optimizer=Adam", "train_hyp.scheduler=one_cycle"],
        &["train_hyp.scheduler=step", "train_hyp.scheduler_arguments.step_size=4"],
        &["train_hyp.scheduler=poly", "train_hyp.scheduler_arguments.power=0.9", "train_hyp.warmup_steps=2"],
        &[
            "train_hyp.class_weights=balanced",
            "train_hyp.gradient_clip_val=0.01",
            "train_hyp.gradient_clip_algorithm=value",
        ],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        write_tissue(here);
        let common = ["train_hyp.max_epochs=8", "train_hyp.learning_rate=2e-2"];
        trained(here, &[&common[..], overrides].concat());
        let epochs = metrics(here);
        let value = |epoch: usize, key: &str| epochs[epoch][key].as_f64().unwrap();
        assert!(value(7, "loss") < 0.9 * value(0, "loss"), "{overrides:?}: {epochs:?}");
        if overrides[0] == "train_hyp.scheduler=step" {
            assert!((value(7, "learning_rate") / value(0, "learning_rate") - 0.1).abs() < 1e-9);
        }
    }
}
