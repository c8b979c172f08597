//! The trainer as a user runs it: what cannot work is said at once, and the same seed gives the same model.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use bcs_tests::{SMALL, package, run, run_ok};

#[test]
fn the_same_seed_trains_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    run_ok(
        "bcs-trainer",
        &["synthesize", "--output", "tissue", "--slides", "3", "--tiles", "4", "--size", "64"],
        here,
        &[],
    );
    // One thread adds in one order, whatever else the machine does.
    let train = |repository: &str, workers: &str| {
        let mut arguments = SMALL.to_vec();
        let (repository, workers) = (
            format!("train_hyp.model_repo_location={repository}"),
            format!("train_hyp.training_num_workers={workers}"),
        );
        arguments.extend([repository.as_str(), workers.as_str()]);
        run_ok("bcs-trainer", &arguments, here, &[("OMP_NUM_THREADS", "1")]);
    };
    train("one", "1");
    train("two", "3");
    let weights =
        |repository: &str| std::fs::read(package(&here.join(repository)).join("model.safetensors")).unwrap();
    assert!(weights("one") == weights("two"), "the same seed gave another model");
}

#[test]
fn what_cannot_work_is_said_before_any_work_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    run_ok(
        "bcs-trainer",
        &["synthesize", "--output", "tissue", "--slides", "3", "--tiles", "1", "--size", "64"],
        here,
        &[],
    );
    let cases: [(&[&str], i32, &str); 9] = [
        (&["train_hyp.max_epoch=3"], 2, "train_hyp.max_epochs"),
        (&["trainhyp=fast"], 2, "trainhyp"),
        (&["train_hyp.max_epochs=many"], 2, "max_epochs"),
        (&["data.root=nowhere"], 2, "nowhere/train"),
        (&["data.label_map=bcss-5class"], 2, "out_channels=5"),
        (&["data.label_map=bcss-tumor"], 1, "the label map bcss-tumor does not know"),
        (&["model_hyp.model=VNet"], 2, "there are UNet"),
        (&["model_hyp.strides=[5,2]"], 2, "multiples of 10×10"),
        (&["train_hyp.device=tpu"], 2, "cuda:N"),
    ];
    for (overrides, code, expected) in cases {
        let arguments = [&SMALL[..], overrides].concat();
        let output = run("bcs-trainer", &arguments, here, &[]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{overrides:?}: {error}");
        assert!(error.contains(expected), "{overrides:?}: {error}");
        assert!(!here.join("models").exists(), "{overrides:?} left a run");
    }
}
