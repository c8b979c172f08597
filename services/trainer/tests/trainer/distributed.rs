//! Training in several processes ends as training in one does; a process that is lost or ended takes the others along.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bcs_model::weights::read_safetensors;
use bcs_tests::{SMALL, program};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::support::{json, metrics, outcome, terminate, train, trained, write_tiles};

/// Time after which a wait fails.
const TIMEOUT: Duration = Duration::from_secs(120);

/// 10 tiles in batches of 4, 4 and 2, so that the last one has fewer tiles than four processes, and many buckets of gradients.
const EXACT: [&str; 3] = [
    "train_hyp.max_epochs=1",
    "train_hyp.distributed.batch_size=global",
    "train_hyp.distributed.bucket_mb=0.002",
];

const SGD: [&str; 3] = [
    "train_hyp.optimizer=SGD",
    "train_hyp.learning_rate=0.1",
    "train_hyp.optimizer_arguments={momentum: 0.9}",
];

const ATTENTION_UNET: [&str; 3] =
    ["model_hyp.model=AttentionUnet", "model_hyp.channels=[4,8]", "model_hyp.strides=[2]"];

/// Arguments of a run in several processes.
fn launched<'a>(nproc: &'a str, overrides: &[&'a str]) -> Vec<&'a str> {
    [&["launch", "--nproc", nproc, "--"], &SMALL[..], overrides].concat()
}

fn start(folder: &Path, nproc: &str, overrides: &[&str]) -> Child {
    Command::new(program("bcs-trainer"))
        .args(launched(nproc, overrides))
        .current_dir(folder)
        .env("OMP_NUM_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn trained_together(folder: &Path, nproc: &str, overrides: &[&str]) -> String {
    let (code, printed, error) = outcome(folder, &launched(nproc, overrides), &[("OMP_NUM_THREADS", "1")]);
    assert_eq!(code, Some(0), "{printed}{error}");
    printed
}

/// Folder of the newest checkpoint of the only run.
fn last(folder: &Path) -> PathBuf {
    let mut runs: Vec<_> = std::fs::read_dir(folder.join("models")).unwrap().map(Result::unwrap).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0).path().join("checkpoints/last")
}

fn weights(folder: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(last(folder).join("model.safetensors")).unwrap();
    read_safetensors(&bytes, "model").unwrap()
}

/// Greatest difference of each parameter and running statistic.
fn differences(
    one: &BTreeMap<String, Tensor>,
    other: &BTreeMap<String, Tensor>,
) -> impl Iterator<Item = (String, f64)> {
    assert!(one.keys().eq(other.keys()));
    one.iter().map(|(name, one)| {
        let (one, other) = (one.to_kind(Kind::Double), other[name].to_kind(Kind::Double));
        (name.clone(), (one - other).abs().max().double_value(&[]))
    })
}

/// Trains in one process and in several, and compares weights, of which some are exempt, and metrics.
fn compare(
    nprocs: &[&str],
    overrides: &[&str],
    [tolerance, metric_tolerance]: [f64; 2],
    is_exempt: impl Fn(&str) -> bool,
) {
    let overrides = [&EXACT[..], overrides].concat();
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        write_tiles(&folder);
        folder
    };
    let whole = of("1");
    trained(&whole, &overrides);
    for nproc in nprocs {
        let together = of(nproc);
        let printed = trained_together(&together, nproc, &overrides);
        let expected = format!("processes   {nproc}, which train on 4 tiles together");
        assert!(printed.contains(&expected), "{printed}");
        let found: Vec<(String, f64)> = differences(&weights(&together), &weights(&whole))
            .filter(|(name, difference)| *difference >= tolerance && !is_exempt(name))
            .collect();
        assert!(found.is_empty(), "{nproc} processes: the weights differ: {found:?}");
        let (expected, found) = (metrics(&whole), metrics(&together));
        assert_eq!(expected.len(), found.len());
        for (key, tolerance) in [("val_metric", metric_tolerance), ("loss", 1e-5)] {
            let value = |metrics: &[Value]| metrics.last().unwrap()[key].as_f64().unwrap();
            let difference = (value(&found) - value(&expected)).abs();
            assert!(difference < tolerance, "{nproc} processes: {key} differs by {difference}");
        }
    }
}

#[test]
fn processes_with_instance_norm_train_as_one() {
    compare(&["2", "4"], &SGD, [1e-5, 1e-9], |_| false);
}

#[test]
fn processes_with_the_default_optimizer_train_as_one() {
    // The gradient of a bias before instance normalization is 0 but for rounding, by whose size AdamW divides it. Behind the
    // last convolution, there is none.
    let has_no_effect = |name: &str| name.ends_with(".conv.bias") && !name.starts_with("model.2.1.");
    compare(&["2", "4"], &[], [1e-5, 1e-9], has_no_effect);
}

#[test]
fn processes_with_batch_norm_train_as_one() {
    compare(&["2", "4"], &[&SGD[..], &ATTENTION_UNET].concat(), [1e-4, 1e-4], |_| false);
}

#[test]
fn processes_accumulate_gradients_as_one() {
    let accumulated = ["train_hyp.accumulate_grad_batches=2", "train_hyp.gradient_clip_val=0.5"];
    compare(&["2"], &[&SGD[..], &accumulated].concat(), [1e-5, 1e-9], |_| false);
}

#[test]
fn processes_have_batches_of_their_own_size_by_default() {
    let folder = tempfile::tempdir().unwrap();
    write_tiles(folder.path());
    let overrides = ["train_hyp.max_epochs=1", "train_hyp.distributed.learning_rate=linear"];
    let printed =
        trained_together(folder.path(), "2", &[&overrides[..], &["train_hyp.scheduler=constant"]].concat());
    assert!(printed.contains("processes   2, which train on 8 tiles together"), "{printed}");
    let epoch = &metrics(folder.path())[0];
    assert_eq!(epoch["learning_rate"].as_f64().unwrap(), 2.0 * 2.5e-3);
    // Only one process prints and writes.
    assert_eq!(printed.matches("epoch 00").count(), 1, "{printed}");
    assert_eq!(json(last(folder.path()).join("training.json"))["step"], 2);
}

/// Processes of a launcher, in the order of their ranks.
fn children(launcher: &Child) -> Vec<u32> {
    let id = launcher.id();
    let text = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let mut children: Vec<u32> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();
    children.sort_unstable();
    children
}

/// Waits until there is a checkpoint of this step.
fn wait_for_step(process: &mut Child, folder: &Path, step: u64) {
    let state = || -> Option<u64> {
        let run = std::fs::read_dir(folder.join("models")).ok()?.next()?.ok()?.path();
        let text = std::fs::read(run.join("checkpoints/last/training.json")).ok()?;
        serde_json::from_slice::<Value>(&text).ok()?["step"].as_u64()
    };
    let start = Instant::now();
    while state().is_none_or(|at| at < step) {
        if process.try_wait().unwrap().is_some() {
            let mut error = String::new();
            std::io::Read::read_to_string(process.stderr.as_mut().unwrap(), &mut error).unwrap();
            panic!("the run has ended: {error}");
        }
        assert!(start.elapsed() < TIMEOUT, "step {step} is not reached");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Far more epochs than they have time for.
const ENDLESS: [&str; 5] = [
    "train_hyp.max_epochs=100000",
    "train_hyp.training_batch_size=1",
    "train_hyp.checkpoint.every_n_train_steps=1",
    "train_hyp.optimizer=SGD",
    "train_hyp.scheduler=constant",
];

#[test]
fn a_signal_to_one_process_ends_all_with_a_checkpoint_from_which_all_go_on() {
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&whole, &stopped] {
        write_tiles(folder.path());
    }
    let mut launcher = start(stopped.path(), "2", &ENDLESS);
    wait_for_step(&mut launcher, stopped.path(), 2);
    let second = children(&launcher)[1].to_string();
    assert!(Command::new("kill").args(["-TERM", &second]).status().unwrap().success());
    assert_eq!(launcher.wait().unwrap().code(), Some(128 + 15));
    let step = json(last(stopped.path()).join("training.json"))["step"].as_u64().unwrap();
    let limit = format!("train_hyp.max_steps={}", step + 3);
    let limited = [&ENDLESS[..], &[&limit]].concat();
    let printed = trained_together(stopped.path(), "2", &[&limited[..], &["train_hyp.resume=auto"]].concat());
    assert!(printed.contains(&format!("step {step}")), "{printed}");
    trained_together(whole.path(), "2", &limited);
    let bytes = |folder: &Path| std::fs::read(last(folder).join("model.safetensors")).unwrap();
    assert!(bytes(stopped.path()) == bytes(whole.path()), "the models differ");
}

#[test]
fn a_signal_to_the_launcher_ends_all() {
    let folder = tempfile::tempdir().unwrap();
    write_tiles(folder.path());
    let mut launcher = start(folder.path(), "2", &ENDLESS);
    wait_for_step(&mut launcher, folder.path(), 2);
    terminate(&launcher);
    assert_eq!(launcher.wait().unwrap().code(), Some(128 + 15));
}

#[test]
fn a_process_that_dies_is_named_and_ends_the_others() {
    let folder = tempfile::tempdir().unwrap();
    write_tiles(folder.path());
    let mut launcher = start(folder.path(), "3", &ENDLESS);
    wait_for_step(&mut launcher, folder.path(), 2);
    let third = children(&launcher)[2].to_string();
    assert!(Command::new("kill").args(["-KILL", &third]).status().unwrap().success());
    let start = Instant::now();
    let output = launcher.wait_with_output().unwrap();
    assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(128 + 9), "{error}");
    assert!(error.contains("bcs-trainer: rank 2 was killed by signal 9"), "{error}");
    for rank in [0, 1] {
        assert!(error.contains(&format!("rank {rank} of 3: rank 2 (")), "{error}");
    }
    assert!(error.contains("go on from it with train_hyp.resume=auto"), "{error}");
}

#[test]
fn what_ends_one_process_ends_all() {
    let folder = tempfile::tempdir().unwrap();
    write_tiles(folder.path());
    let (code, _, error) = outcome(folder.path(), &launched("2", &["train_hyp.loss=none"]), &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("train_hyp.loss is 'none'"), "{error}");
    let overrides = ["train_hyp.distributed.batch_size=global", "train_hyp.training_batch_size=1"];
    let (code, _, error) = outcome(folder.path(), &launched("2", &overrides), &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("train_hyp.training_batch_size is 1, for 2 processes together"), "{error}");
    let overrides = ["train_hyp.distributed.backend=nccl", "train_hyp.device=cpu"];
    let (code, _, error) = outcome(folder.path(), &launched("2", &overrides), &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("backend is nccl, but not all processes have a GPU"), "{error}");
    let (code, _, error) = train(folder.path(), &["train_hyp.distributed.bucket_mb=0"]);
    assert_eq!((code, error.contains("train_hyp.distributed.bucket_mb is 0")), (Some(2), true), "{error}");
}
