//! What a run leaves to be read by others. `scripts/tracking` reads it with TensorBoard and Weights & Biases.

use std::path::{Path, PathBuf};

use bcs_tests::SMALL;

use crate::support::{metrics, outcome, output, trained, write_tissue};

/// Files in a folder and those below, whose names contain `part`.
fn files(folder: &Path, part: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, part));
        } else if path.file_name().unwrap().to_string_lossy().contains(part) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_run_is_tracked_in_json_lines_and_event_files() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    trained(folder.path(), &["train_hyp.training_batch_size=1", "train_hyp.log_every_n_steps=2"]);
    let output = output(folder.path());
    let steps = std::fs::read_to_string(output.join("steps.jsonl")).unwrap();
    let steps: Vec<serde_json::Value> =
        steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 4]);
    for epoch in metrics(folder.path()) {
        assert!(
            epoch["val_iou"]["tumour"].as_f64().unwrap() <= epoch["val_dice"]["tumour"].as_f64().unwrap()
        );
    }
    assert_eq!(files(&output.join("tensorboard"), "events.out.tfevents.").len(), 1);
    assert!(!output.join("wandb").exists(), "Weights & Biases is off by default");
}

#[test]
fn a_sink_that_cannot_be_written_does_not_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let file = file.to_str().unwrap();
    let arguments = [&SMALL[..], &["train_hyp.wandb_enabled=true"]].concat();
    let (code, _, error) =
        outcome(folder.path(), &arguments, &[("AIP_TENSORBOARD_LOG_DIR", file), ("WANDB_DIR", file)]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(error.matches("the run is not tracked there").count(), 2, "{error}");
    assert_eq!(metrics(folder.path()).len(), 2);
}

#[test]
fn secrets_are_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let key = "0123456789abcdef0123456789abcdef";
    let note = format!("+evidently.note=sent with {key}");
    let secrets = ["train_hyp.wandb_enabled=true", "+evidently.api_token=tokenvalue", note.as_str()];
    let arguments = [&SMALL[..], &secrets].concat();
    let (code, printed, error) = outcome(folder.path(), &arguments, &[("WANDB_API_KEY", key)]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("wandb sync outputs/"), "{printed}");
    let saved =
        [files(&folder.path().join("outputs"), ""), files(&folder.path().join("models"), "")].concat();
    assert!(saved.iter().any(|path| path.extension().is_some_and(|extension| extension == "wandb")));
    for path in saved {
        let bytes = std::fs::read(&path).unwrap();
        for secret in [key, "tokenvalue"] {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds, "{secret} is in {}", path.display());
        }
    }
}

#[test]
fn the_mode_of_weights_and_biases_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let arguments = [&SMALL[..], &["train_hyp.wandb_enabled=true", "train_hyp.max_epochs=1"]].concat();
    let (code, _, error) = outcome(folder.path(), &arguments, &[("WANDB_MODE", "elsewhere")]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("WANDB_MODE is elsewhere; give online, offline or disabled"), "{error}");
    let (code, printed, error) = outcome(folder.path(), &arguments, &[("WANDB_MODE", "disabled")]);
    assert_eq!(code, Some(0), "{error}");
    assert!(!printed.contains("wandb") && files(folder.path(), ".wandb").is_empty(), "{printed}");
}
