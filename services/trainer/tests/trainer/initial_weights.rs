//! Training that starts from given parameters.

use bcs_tests::package;

use crate::support::{json, train, trained, write_tissue};

/// At this learning rate the trained parameters are the initial ones.
const STILL: [&str; 3] =
    ["train_hyp.max_epochs=1", "train_hyp.learning_rate=1e-30", "train_hyp.weight_decay=0"];

#[test]
fn parameters_that_fit_are_copied_and_the_others_listed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1", "train_hyp.seed=7", "train_hyp.model_repo_location=first"]);
    let first = package(&here.join("first"));
    let initial = format!("train_hyp.initial_weights='{}'", first.display());

    let printed = trained(here, &[&STILL[..], &[&initial, "train_hyp.model_repo_location=second"]].concat());
    assert!(printed.contains("copied 35 of 35 parameters from"), "{printed}");
    let second = package(&here.join("second"));
    let read = |folder: &std::path::Path| {
        let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
        bcs_model::weights::read_safetensors(&bytes, "the package").unwrap()
    };
    let (given, found) = (read(&first), read(&second));
    for (name, tensor) in &given {
        assert!(found[name].allclose(tensor, 1e-6, 1e-12, false), "{name} is not the given one");
    }

    // A network of another depth has some of the parameters.
    let file = format!("train_hyp.initial_weights='{}'", first.join("model.safetensors").display());
    let deeper = [
        "model_hyp.channels=[4,8,16,32]",
        "model_hyp.strides=[2,2,2]",
        "train_hyp.model_repo_location=third",
    ];
    let printed = trained(here, &[&STILL[..], &[&file], &deeper].concat());
    assert!(printed.contains("; left as initialized: model.1.submodule.1 ("), "{printed}");
    assert!(
        printed.contains("in the file, but not in the network: model.1.submodule.1.submodule.conv (6), "),
        "{printed}"
    );
    let metadata = json(package(&here.join("third")).join("metadata.json"));
    assert_eq!(metadata["architecture"]["arguments"]["strides"], serde_json::json!([2, 2, 2]));
}

#[test]
fn parameters_that_do_not_fit_are_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(here, &["train_hyp.max_epochs=1", "train_hyp.model_repo_location=first"]);
    let initial = format!("train_hyp.initial_weights='{}'", package(&here.join("first")).display());
    let refusal = |overrides: &[&str]| {
        let (code, _, error) = train(here, overrides);
        assert_eq!(code, Some(2), "{error}");
        assert!(!here.join("models").exists());
        error
    };
    let other = ["model_hyp.model=BasicUNet", "model_hyp.features=[2,2,2,2,2,2]"];
    let error = refusal(&[&[initial.as_str()], &other[..]].concat());
    assert!(error.contains("train_hyp.initial_weights") && error.contains("no parameter"), "{error}");
    let error = refusal(&["train_hyp.initial_weights=gone.pt"]);
    assert!(error.contains("train_hyp.initial_weights is gone.pt; there is no such file"), "{error}");
}
