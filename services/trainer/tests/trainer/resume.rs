//! Runs that are interrupted and go on: they end with the model and the metrics of one that was not.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use bcs_tests::{SMALL, package};
use serde_json::Value;

use crate::support::{outcome, output, start, terminate, train, trained, write_tiles, write_tissue};

/// Time after which a wait fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything that has a state: dropout, averages, momentum, a schedule that depends on scores, accumulated gradients.
const STATEFUL: [&str; 11] = [
    "train_hyp.max_epochs=4",
    "train_hyp.training_batch_size=2",
    "train_hyp.accumulate_grad_batches=2",
    "train_hyp.checkpoint.every_n_train_steps=1",
    "train_hyp.ema_decay=0.9",
    "train_hyp.scheduler=plateau",
    "train_hyp.scheduler_arguments.patience=0",
    "train_hyp.gradient_clip_val=0.5",
    "train_hyp.warmup_steps=3",
    "train_hyp.checkpoint.save_top_k=2",
    "model_hyp.dropout=0.2",
];

/// Returns the state in the newest checkpoint, if it is there and whole.
fn state(folder: &Path) -> Option<Value> {
    let run = std::fs::read_dir(folder.join("models")).ok()?.next()?.ok()?.path();
    let text = std::fs::read(run.join("checkpoints/last/training.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Waits until a run has taken this many steps, or has ended.
fn wait_for_step(process: &mut Child, folder: &Path, step: u64) {
    let start = Instant::now();
    while state(folder).is_none_or(|state| state["step"].as_u64().unwrap() < step)
        && process.try_wait().unwrap().is_none()
    {
        assert!(start.elapsed() < TIMEOUT, "step {step} is not reached");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a finished run leaves: the parameters of its model, and its metrics.
fn results(folder: &Path) -> (Vec<u8>, String) {
    let weights = std::fs::read(package(&folder.join("models")).join("model.safetensors")).unwrap();
    let mut metrics: Vec<PathBuf> = Vec::new();
    for day in std::fs::read_dir(folder.join("outputs")).unwrap() {
        for run in std::fs::read_dir(day.unwrap().path()).unwrap() {
            metrics.push(run.unwrap().path().join("metrics.jsonl"));
        }
    }
    metrics.sort();
    (weights, std::fs::read_to_string(metrics.last().unwrap()).unwrap())
}

#[test]
fn a_run_that_is_killed_at_any_step_ends_as_one_that_was_not() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&whole, &killed] {
        write_tiles(folder.path());
    }
    trained(whole.path(), &STATEFUL);
    let resumed = [&STATEFUL[..], &["train_hyp.resume=auto", "train_hyp.training_num_workers=3"]].concat();
    for step in [1, 2, 4, 5, 7, 10] {
        let mut process = start(killed.path(), &resumed);
        wait_for_step(&mut process, killed.path(), step);
        process.kill().unwrap();
        process.wait().unwrap();
    }
    trained(killed.path(), &resumed);
    let ((weights, metrics), (expected_weights, expected_metrics)) =
        (results(killed.path()), results(whole.path()));
    assert_eq!(metrics, expected_metrics);
    assert!(weights == expected_weights, "the models differ");
    assert_eq!(metrics.lines().count(), 4);
}

#[test]
fn mixed_precision_resumes_with_its_running_statistics() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&whole, &killed] {
        write_tiles(folder.path());
    }
    let mixed = ["train_hyp.precision=bf16-mixed", "model_hyp.norm=batch", "train_hyp.freeze=[model.0]"];
    let overrides = [&STATEFUL[..], &mixed].concat();
    trained(whole.path(), &overrides);
    let mut process = start(killed.path(), &overrides);
    wait_for_step(&mut process, killed.path(), 4);
    process.kill().unwrap();
    process.wait().unwrap();
    trained(killed.path(), &[&overrides[..], &["train_hyp.resume=auto"]].concat());
    assert!(results(killed.path()) == results(whole.path()), "the runs differ");
}

#[test]
fn a_limit_at_the_end_of_an_epoch_adds_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    // Two tiles, of which each is a step.
    let overrides = ["train_hyp.max_epochs=9", "train_hyp.training_batch_size=1", "train_hyp.max_steps=4"];
    let printed = trained(folder.path(), &overrides);
    assert!(printed.contains("max_steps or train_hyp.max_time is reached"), "{printed}");
    let metrics = results(folder.path()).1;
    assert_eq!(metrics.lines().count(), 2, "{metrics}");
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before() {
    let (whole, damaged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&whole, &damaged] {
        write_tiles(folder.path());
    }
    trained(whole.path(), &STATEFUL);
    let mut process = start(damaged.path(), &STATEFUL);
    wait_for_step(&mut process, damaged.path(), 5);
    process.kill().unwrap();
    process.wait().unwrap();
    let run = std::fs::read_dir(damaged.path().join("models")).unwrap().next().unwrap().unwrap().path();
    let tensors = run.join("checkpoints/last/training.safetensors");
    let bytes = std::fs::read(&tensors).unwrap();
    std::fs::write(&tensors, &bytes[..bytes.len() / 2]).unwrap();
    let (code, printed, warnings) =
        train(damaged.path(), &[&STATEFUL[..], &["train_hyp.resume=auto"]].concat());
    assert_eq!(code, Some(0), "{warnings}");
    assert!(warnings.contains("checkpoints/last is skipped") && printed.contains("last-1"), "{warnings}");
    assert!(results(damaged.path()) == results(whole.path()), "the runs differ");
}

#[test]
fn sigterm_ends_a_run_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    write_tiles(folder.path());
    // Far more epochs than it has time for.
    let overrides = ["train_hyp.max_epochs=100000", "train_hyp.training_batch_size=2"];
    let mut process = start(folder.path(), &overrides);
    wait_for_step(&mut process, folder.path(), 5);
    terminate(&process);
    let start = Instant::now();
    assert_eq!(process.wait().unwrap().code(), Some(128 + 15));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let before = state(folder.path()).unwrap();

    let limit = format!("train_hyp.max_steps={}", before["step"].as_u64().unwrap() + 3);
    let printed = trained(folder.path(), &[&overrides[..], &["train_hyp.resume=auto", &limit]].concat());
    assert!(printed.contains(&format!("step {}", before["step"])), "{printed}");
    assert!(printed.contains("max_steps or train_hyp.max_time is reached"), "{printed}");
    let after = state(folder.path()).unwrap();
    assert_eq!(after["step"].as_u64(), before["step"].as_u64().map(|step| step + 3));

    // The run is finished, so that the next one is new.
    let printed = trained(folder.path(), &["train_hyp.max_epochs=1", "train_hyp.resume=auto"]);
    assert!(printed.contains("there is no unfinished run"), "{printed}");
}

#[test]
fn sigterm_while_the_package_is_made_ends_the_run_too() {
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&whole, &stopped] {
        write_tiles(folder.path());
    }
    let overrides = ["train_hyp.max_epochs=1", "train_hyp.training_batch_size=2"];
    trained(whole.path(), &overrides);
    let mut process = start(stopped.path(), &overrides);
    // The state of the last checkpoint stands at the end of training.
    let start = Instant::now();
    while state(stopped.path()).is_none_or(|state| state["epoch"] != 1) {
        assert!(start.elapsed() < TIMEOUT && process.try_wait().unwrap().is_none(), "no end of training");
    }
    terminate(&process);
    let code = process.wait().unwrap().code();
    // The package may have been complete when the signal arrived; then there is nothing to resume.
    if code != Some(0) {
        assert_eq!(code, Some(128 + 15));
        let printed = trained(stopped.path(), &[&overrides[..], &["train_hyp.resume=auto"]].concat());
        assert!(printed.contains("epoch 01, batch 0"), "{printed}");
    }
    assert!(results(stopped.path()) == results(whole.path()), "the runs differ");
}

#[test]
fn a_full_disk_leaves_the_last_checkpoint_intact() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&models)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let result = std::panic::catch_unwind(|| run_on_a_small_disk(folder.path(), &models));
    Command::new("umount").arg(&models).status().unwrap();
    result.unwrap();
}

/// Trains with a model repository of 1 MB, of which a file takes the most once there is a checkpoint.
fn run_on_a_small_disk(folder: &Path, models: &Path) {
    write_tiles(folder);
    let overrides = ["train_hyp.max_epochs=100000", "train_hyp.training_batch_size=2"];
    let mut process = start(folder, &overrides);
    wait_for_step(&mut process, folder, 5);
    let filling = models.join("filling");
    // Fails when the disk is full.
    _ = std::fs::write(&filling, vec![1; 1 << 20]);
    let output = process.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("No space left on device") && error.contains("models/train-"), "{error}");
    assert!(error.contains("The last checkpoint is") && error.contains("train_hyp.resume=auto"), "{error}");
    std::fs::remove_file(filling).unwrap();
    let limit = "train_hyp.max_time=00:00:00:01";
    let printed = trained(folder, &[&overrides[..], &["train_hyp.resume=auto", limit]].concat());
    assert!(printed.contains("resume      models/train-"), "{printed}");
}

#[test]
fn checkpoints_of_other_networks_and_bad_paths_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    trained(folder.path(), &["train_hyp.max_epochs=1"]);
    let run = package(&folder.path().join("models")).parent().unwrap().display().to_string();
    let resume = format!("train_hyp.resume='{run}'");
    let (code, _, error) = train(folder.path(), &[&resume, "model_hyp.channels=[4,8,12]"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("that of another network"), "{error}");
    let (code, _, error) = train(folder.path(), &["train_hyp.resume=nowhere"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("train_hyp.resume is nowhere"), "{error}");
    // A finished run has nothing to go on with but more epochs.
    let printed = trained(folder.path(), &[&resume, "train_hyp.max_epochs=2"]);
    assert!(printed.contains("epoch 01"), "{printed}");
}

#[test]
fn early_stopping_ends_a_run() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let overrides = [
        "train_hyp.max_epochs=50",
        "train_hyp.learning_rate=1e-30",
        "train_hyp.weight_decay=0",
        "train_hyp.early_stopping_patience=2",
    ];
    let printed = trained(folder.path(), &overrides);
    assert!(printed.contains("no better val_metric in 2 epochs"), "{printed}");
    assert_eq!(results(folder.path()).1.lines().count(), 3);
}

#[test]
fn failures_name_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let overrides = ["train_hyp.max_epochs=100000", "train_hyp.training_batch_size=1", "data.cache_mb=0"];
    let mut process = start(folder.path(), &overrides);
    wait_for_step(&mut process, folder.path(), 4);
    // A tile that becomes unreadable after it was checked.
    std::fs::write(folder.path().join("tissue/train/TCGA-A1-0001-DX1_0.png"), "damaged").unwrap();
    let output = process.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("TCGA-A1-0001-DX1_0.png") && error.contains("The last checkpoint is"), "{error}");
    assert!(error.contains("train_hyp.resume=auto"), "{error}");
    assert_eq!(state(folder.path()).map(|state| state["format_version"].clone()), Some(1.into()));
}

#[test]
fn an_output_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    std::fs::write(folder.path().join("models"), "in the way").unwrap();
    let (code, _, error) = outcome(folder.path(), &SMALL, &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("models"), "{error}");
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    write_tiles(folder.path());
    let overrides = [
        "train_hyp.max_epochs=50",
        "train_hyp.optimizer=SGD",
        "train_hyp.learning_rate=1e30",
        "train_hyp.checkpoint.every_n_train_steps=1",
    ];
    let (code, _, error) = train(folder.path(), &overrides);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("the loss is NaN in epoch 0"), "{error}");
    assert!(error.contains("choose a train_hyp.learning_rate below"), "{error}");
    assert!(error.contains("The last checkpoint is") && state(folder.path()).is_some(), "{error}");
    let log = std::fs::read_to_string(output(folder.path()).join("bcs-trainer.log")).unwrap();
    assert!(log.contains("val_metric  pooled Dice") && log.contains("the loss is NaN in epoch 0"), "{log}");
}
