//! Sweeps: which trials run, what they leave, and how a sweep goes on that was killed.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    json as read_json, outcome, start, terminate, train, trained, write_tiles, write_tissue,
};

/// Time after which a wait fails.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Trials that run long enough to be killed: 4 epochs with 12 steps, and a checkpoint after each.
const SLOW: [&str; 7] = [
    "-m",
    "train_hyp.max_epochs=4",
    "train_hyp.training_batch_size=2",
    "train_hyp.accumulate_grad_batches=2",
    "train_hyp.checkpoint.every_n_train_steps=1",
    "train_hyp.learning_rate=1e-3,1e-2",
    "train_hyp.seed=1,2",
];

/// Folder of the only sweep.
fn sweep(folder: &Path) -> PathBuf {
    let only = |folder: &Path| {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0)
    };
    only(&only(&folder.join("multirun")))
}

/// State of the trials of the only sweep, by number.
fn trials(folder: &Path) -> Vec<Value> {
    read_json(sweep(folder).join("sweep.json"))["trials"].as_array().unwrap().clone()
}

fn states(folder: &Path) -> Vec<String> {
    trials(folder).iter().map(|trial| trial["state"].as_str().unwrap().to_owned()).collect()
}

/// Waits until something is true of the sweep, which must not have ended before.
fn wait(process: &mut Child, what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(process.try_wait().unwrap().is_none(), "the sweep ended before {what}");
        assert!(start.elapsed() < TIMEOUT, "{what} is not reached");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Number of steps in the newest checkpoint of a trial.
fn steps(folder: &Path, number: usize) -> u64 {
    let read = |path: &Path| -> Option<Value> { serde_json::from_slice(&std::fs::read(path).ok()?).ok() };
    let state = || -> Option<u64> {
        let dated = std::fs::read_dir(folder.join("multirun")).ok()?.next()?.ok()?.path();
        let sweep = std::fs::read_dir(dated).ok()?.next()?.ok()?.path();
        let run = read(&sweep.join(number.to_string()).join("run.json"))?;
        read(&folder.join(run["run"].as_str()?).join("checkpoints/last/training.json"))?["step"].as_u64()
    };
    state().unwrap_or(0)
}

/// Processes of trials in a folder.
fn processes(folder: &Path) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let in_folder = |pid: &u32| {
        std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder.canonicalize().unwrap())
    };
    pids.filter(in_folder).collect()
}

/// Parameters of the model and metrics of each trial.
fn results(folder: &Path) -> Vec<(Vec<u8>, String)> {
    let result = |trial: &Value| {
        let package = folder.join(trial["package"].as_str().unwrap());
        let output = sweep(folder).join(trial["number"].to_string());
        let weights = std::fs::read(package.join("model.safetensors")).unwrap();
        (weights, std::fs::read_to_string(output.join("metrics.jsonl")).unwrap())
    };
    trials(folder).iter().map(result).collect()
}

#[test]
fn a_grid_is_ranked_and_has_the_folders_of_hydra() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let arguments = [
        "-m",
        "train_hyp.max_epochs=1",
        "train_hyp.seed=1,2",
        "train_hyp.loss=Dice,DiceCE",
        "sweep.n_jobs=2",
    ];
    let printed = trained(here, &arguments);
    assert!(printed.contains("rank  trial  seed    loss  val_metric  best epoch"), "{printed}");
    let sweep = sweep(here);
    for (number, seed, loss) in [(0, 1, "Dice"), (1, 1, "DiceCE"), (2, 2, "Dice"), (3, 2, "DiceCE")] {
        let trial = sweep.join(number.to_string());
        let hydra = trial.join(".hydra");
        let config = bcs_config::yaml::read(&hydra.join("config.yaml")).unwrap();
        assert_eq!(config.get_path("train_hyp.seed"), Some(&bcs_config::Value::Int(seed)));
        assert_eq!(config.get_path("train_hyp.loss"), Some(&loss.into()));
        assert_eq!(config.get_path("sweep"), None, "not part of a run");
        let overrides = std::fs::read_to_string(hydra.join("overrides.yaml")).unwrap();
        assert!(
            overrides.ends_with(&format!("- train_hyp.seed={seed}\n- train_hyp.loss={loss}\n")),
            "{overrides}"
        );
        let log = std::fs::read_to_string(trial.join("bcs-trainer.log")).unwrap();
        assert!(log.contains("epoch 00") && trial.join("validation.png").exists(), "{log}");
        let run = read_json(trial.join("run.json"));
        let package = here.join(run["package"].as_str().unwrap());
        let metadata = read_json(package.join("metadata.json"));
        assert_eq!(metadata["provenance"]["seed"], seed);
        assert_eq!(metadata["validation"]["val_metric"], trials(here)[number]["objective"]);
    }
    let ranked = read_json(sweep.join("results.json"));
    let objectives: Vec<f64> =
        ranked.as_array().unwrap().iter().map(|trial| trial["objective"].as_f64().unwrap()).collect();
    assert!(objectives.len() == 4 && objectives.is_sorted_by(|a, b| a >= b), "{objectives:?}");
    let csv = std::fs::read_to_string(sweep.join("results.csv")).unwrap();
    assert!(csv.starts_with("rank,trial,train_hyp.seed,train_hyp.loss,val_metric,best_epoch,"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
}

#[test]
fn random_draws_follow_from_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let draws = [
        "-m",
        "sweep=random",
        "sweep.n_trials=3",
        "train_hyp.max_epochs=1",
        "train_hyp.learning_rate=tag(log, interval(1e-4,1e-1))",
        "train_hyp.loss=Dice,DiceCE,DiceFocal",
    ];
    let planned = trained(here, &[&draws[..], &["--cfg", "job"]].concat());
    trained(here, &draws);
    let parameters: Vec<Value> = trials(here).iter().map(|trial| trial["parameters"].clone()).collect();
    assert_eq!(parameters.len(), 3);
    for (document, parameters) in planned.split("---\n").zip(&parameters) {
        let config = bcs_config::yaml::parse(document, "--cfg job").unwrap();
        let rate = config.get_path("train_hyp.learning_rate").and_then(bcs_config::Value::as_f64).unwrap();
        assert!((1e-4..=1e-1).contains(&rate));
        assert_eq!(parameters["train_hyp.learning_rate"].as_f64(), Some(rate));
        let loss = config.get_path("train_hyp.loss").and_then(bcs_config::Value::as_str);
        assert_eq!(parameters["train_hyp.loss"].as_str(), loss);
    }
    assert_eq!(states(here), ["completed"; 3]);
}

#[test]
fn a_killed_sweep_goes_on_and_ends_as_one_that_was_not() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&whole, &killed] {
        write_tiles(folder.path());
    }
    let overrides = [&SLOW[..], &["sweep.n_jobs=2", "sweep.resume=auto"]].concat();
    trained(whole.path(), &overrides);
    let here = killed.path();
    // In the first trial, and in the third one, when one or two are complete.
    for (number, step) in [(0, 5), (2, 4)] {
        let mut process = start(here, &overrides);
        wait(&mut process, "a checkpoint", || steps(here, number) >= step);
        process.kill().unwrap();
        process.wait().unwrap();
        let start = Instant::now();
        while !processes(here).is_empty() {
            assert!(start.elapsed() < TIMEOUT, "trials live on: {:?}", processes(here));
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(states(here).contains(&"running".to_owned()), "{:?}", states(here));
    }
    let left = states(here).iter().filter(|state| *state != "completed").count();
    assert!((2..=3).contains(&left), "{:?}", states(here));
    // Without its overrides, the sweep is found as well.
    let (code, printed, error) = outcome(here, &["-m", "sweep.resume=auto"], &[("OMP_NUM_THREADS", "1")]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains(&format!("trials      4, {left} of them to run")), "{printed}");
    assert_eq!(states(here), ["completed"; 4]);
    assert!(results(here) == results(whole.path()), "the sweeps differ");
    let logs = (0..4).map(|number| sweep(here).join(number.to_string()).join("bcs-trainer.log"));
    let resumed =
        logs.filter(|log| std::fs::read_to_string(log).unwrap().contains("resume      models/")).count();
    assert!(resumed >= 2, "{resumed} trials went on from a checkpoint");

    // It is finished, so that the next one is new.
    let printed = trained(here, &["-m", "sweep.resume=auto", "train_hyp.max_epochs=1"]);
    assert!(printed.contains("there is no unfinished sweep"), "{printed}");
}

#[test]
fn sigterm_ends_all_trials_with_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tiles(here);
    let endless = [
        "-m",
        "train_hyp.max_epochs=100000",
        "train_hyp.seed=1,2,3",
        "sweep.n_jobs=2",
        "sweep.memory_mb=null",
    ];
    let mut process = start(here, &endless);
    wait(&mut process, "two trials", || steps(here, 0) >= 2 && steps(here, 1) >= 2);
    terminate(&process);
    let output = process.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(128 + 15), "{error}");
    let sweep = sweep(here).strip_prefix(here).unwrap().display().to_string();
    assert!(error.contains(&format!("bcs-trainer -m sweep.resume={sweep}")), "{error}");
    assert_eq!(states(here), ["interrupted", "interrupted", "waiting"]);
    assert!(processes(here).is_empty());
    let log = std::fs::read_to_string(here.join(&sweep).join("0/bcs-trainer.log")).unwrap();
    assert!(log.contains("signal 15 has ended the run"), "{log}");
}

#[test]
fn a_failing_trial_does_not_end_the_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let arguments = ["-m", "train_hyp.max_epochs=1", "train_hyp.loss=Dise,DiceCE", "sweep.n_jobs=2"];
    let (code, printed, error) = train(here, &arguments);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("1 of 2 trials have failed") && error.contains("sweep.resume=multirun/"),
        "{error}"
    );
    assert!(printed.contains("failed: trial 0: ") && printed.contains("train_hyp.loss"), "{printed}");
    assert_eq!(states(here), ["failed", "completed"]);
    assert!(trials(here)[0]["error"].as_str().unwrap().contains("Dise"));

    // Failed trials run again, and only they.
    let package = trials(here)[1]["package"].clone();
    let sweep = sweep(here).strip_prefix(here).unwrap().display().to_string();
    let (code, printed, _) = outcome(here, &["-m", &format!("sweep.resume='{sweep}'")], &[]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("trials      2, 1 of them to run"), "{printed}");
    assert_eq!(trials(here)[1]["package"], package);
}

#[test]
fn trials_that_all_fail_alike_end_the_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let (code, printed, _) =
        train(here, &["-m", "data.root=nowhere", "train_hyp.seed=range(8)", "sweep.n_jobs=1"]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("have failed alike"), "{printed}");
    let expected = [&["failed"; 3][..], &["waiting"; 5]].concat();
    assert_eq!(states(here), expected);
}

#[test]
fn the_median_rule_stops_a_trial() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let arguments = [
        "-m",
        "train_hyp.max_epochs=6",
        "train_hyp.weight_decay=0",
        "train_hyp.learning_rate=1e-2,1e-30",
        "sweep.n_jobs=1",
        "sweep.objective=loss",
        "sweep.direction=minimize",
        "sweep.median_stopping.enabled=true",
        "sweep.median_stopping.warmup_epochs=2",
        "sweep.median_stopping.min_trials=1",
    ];
    let printed = trained(here, &arguments);
    assert_eq!(states(here), ["completed", "stopped"]);
    let stopped = &trials(here)[1];
    let epochs = stopped["epochs"].as_u64().unwrap();
    assert!((2..6).contains(&epochs) && stopped["package"].is_null(), "{stopped}");
    let ranks: Vec<Value> = read_json(sweep(here).join("results.json"))
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| json!([trial["rank"], trial["number"]]))
        .collect();
    assert_eq!(ranks, [json!([1, 0]), json!([2, 1])], "{printed}");
}

#[test]
fn sweeps_that_cannot_work_are_refused_before_they_start() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let cases: [(&[&str], &str); 6] = [
        (&["train_hyp.learning_rate=interval(0,1)"], "sweep=random"),
        (&["train_hyp.seed=1,2", "train_hyp.resume=auto"], "sweep.resume=auto"),
        (&["sweep.seed=1,2"], "the settings of a sweep have a single value"),
        (&["sweep.n_jobs=0"], "sweep.n_jobs is 0"),
        (&["sweep.n_jobs=some"], "sweep.n_jobs: must be auto or a whole number"),
        (&["sweep.resume=nowhere"], "it has no sweep.json"),
    ];
    for (overrides, expected) in cases {
        let (code, _, error) = train(here, &[&["-m"], overrides].concat());
        assert_eq!(code, Some(2), "{overrides:?}: {error}");
        assert!(error.contains(expected), "{overrides:?}: {error}");
        assert!(!here.join("multirun").exists() && !here.join("models").exists(), "{overrides:?}");
    }
    let (code, _, error) = train(here, &["-m", "train_hyp.max_epochs=1", "sweep.objective=val_metrics"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("the metrics have epoch, step, loss"), "{error}");
}
