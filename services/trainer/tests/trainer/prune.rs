//! Pruning, as a user runs it.

use bcs_tests::package;

use crate::support::{json, outcome, trained, write_tissue};

#[test]
fn a_pruned_package_is_smaller_and_can_be_trained_further() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1", "model_hyp.channels=[8,16,32]"]);
    let model = package(&here.join("models"));
    let model = model.to_str().unwrap();
    let prune = |more: &[&str]| {
        outcome(here, &[&["prune", "--model", model, "--output", "pruned"], more].concat(), &[])
    };
    let (code, printed, error) = prune(&["--multiplications", "0.5"]);
    assert_eq!(code, Some(0), "{error}");
    let (given, pruned) = (json(format!("{model}/metadata.json")), json(here.join("pruned/metadata.json")));
    let fraction = pruned["pruning"]["multiplications"].as_f64().unwrap();
    assert!(fraction > 0.1 && fraction <= 0.5, "{fraction}");
    assert_eq!(pruned["pruning"]["pruned_from"], given["version"]);
    assert!(pruned["validation"].is_null() && pruned["files"]["model.onnx"].is_string(), "{pruned}");
    let channels = &pruned["architecture"]["arguments"]["channels"];
    let channels = format!("model_hyp.channels={channels}");
    assert!(printed.contains(&channels), "{channels}: {printed}");

    // The command that it prints.
    trained(here, &["train_hyp.max_epochs=1", &channels, "train_hyp.initial_weights=pruned"]);

    for fraction in ["0", "1", "0.0001"] {
        let (code, _, error) = prune(&["--overwrite", "--multiplications", fraction]);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("--multiplications"), "{error}");
    }
}
