//! Tests of the configuration as a whole.

use std::path::Path;

use serde_json::json;

use super::types::Limit;
use super::*;

fn arguments() -> ConfigArguments {
    ConfigArguments {
        config_dir: None,
        config_path: None,
        config_name: PRIMARY_CONFIG.to_owned(),
        overrides: vec![],
    }
}

fn compose(overrides: &[&str]) -> Result<Composed> {
    Configurations::new(&arguments())?.compose(overrides)
}

fn refusal(overrides: &[&str]) -> String {
    let error = compose(overrides).expect_err(&overrides.join(" "));
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

/// Composes the files of a folder of a user.
fn compose_own(files: &[(&str, &str)], overrides: &[&str]) -> Result<Composed> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let arguments = ConfigArguments { config_dir: Some(folder.path().to_owned()), ..arguments() };
    Configurations::new(&arguments)?.compose(overrides)
}

#[test]
fn every_option_of_the_tree_composes() {
    let composer = Configurations::new(&arguments()).unwrap().composer;
    for group in composer.groups() {
        for option in composer.options(&group) {
            compose(&[&format!("{group}={option}")])
                .unwrap_or_else(|error| panic!("{group}={option}: {error}"));
        }
    }
}

#[test]
fn the_root_moves_all_folders() {
    let composed = compose(&["data.root=/gcs/tiles", "train_hyp.limit_train_batches=3"]).unwrap();
    assert_eq!(composed.config.train_hyp.validation_mask_location, Path::new("/gcs/tiles/val_mask"));
    assert_eq!(composed.config.train_hyp.limit_train_batches, Some(Limit::Count(3)));
}

#[test]
fn saved_configurations_keep_interpolations_unresolved() {
    // PATH stands for a secret: it is set wherever tests run.
    let composed = compose(&["train_hyp.model_repo_location=${oc.env:PATH}"]).unwrap();
    let path = std::env::var("PATH").unwrap();
    assert_eq!(composed.config.train_hyp.model_repo_location, Path::new(&path));
    assert!(composed.yaml.contains("${oc.env:PATH}") && !composed.yaml.contains(&path), "{}", composed.yaml);
    assert!(composed.yaml.contains("train_img_location: ${data.root}/train"), "{}", composed.yaml);
}

#[test]
fn the_predecessors_files_load_unchanged() {
    let files = [
        (
            "config_hydra.yaml",
            "defaults:\n  - train_hyp: train_hyp_own\n  - model_hyp: model_hyp_own\n  - unittest: unittest_own\n  \
             - evidently: evidently_own\n",
        ),
        (
            "train_hyp/train_hyp_own.yaml",
            "max_epochs: 3\nlimit_train_batches: 0.5\nlearning_rate: 1e-4\ntraining_batch_size: 32\n\
             training_num_workers: 4\nvalidation_batch_size: 8\nvalidation_num_workers: 2\n\
             train_img_location: /gcs/raw/train\ntrain_mask_location: /gcs/raw/train_mask\n\
             validation_img_location: /gcs/raw/val\nvalidation_mask_location: /gcs/raw/val_mask\n\
             test_location: /gcs/raw/test\nwandb_enabled: True\nmodel_repo_location: /gcs/models\n\
             optimizer: Adam\nprofiling: False\nloss: DiceFocal\n",
        ),
        (
            "model_hyp/model_hyp_own.yaml",
            "spatial_dims: 2\nin_channels: 3\nout_channels: 2\nchannels: [8, 16, 32]\nstrides: [2, 2]\n\
             num_res_units: 1\ndropout: 0.1\nactivation: prelu\nkernel_size: 3\nup_kernel_size: 3\nmodel: unet\n\
             backbone: efficientnet-b0\n",
        ),
        ("unittest/unittest_own.yaml", "image_count: 30760\npaths: [a, b]\n"),
        ("evidently/evidently_own.yaml", "report_location: reports\n"),
    ];
    let composed = compose_own(&files, &["+train_hyp.seed=3"]).unwrap();
    let hyp = &composed.config.train_hyp;
    assert_eq!((hyp.learning_rate, hyp.optimizer.as_str(), hyp.seed), (1e-4, "Adam", 3));
    assert_eq!(hyp.limit_train_batches, Some(Limit::Fraction(0.5)));
    let architecture = composed.architecture;
    assert_eq!((architecture.name.as_str(), &architecture.arguments["dropout"]), ("UNet", &json!(0.1)));
    assert_eq!(composed.config._unittest["image_count"], 30760);
    // Keys and groups that the files leave out have the built-in defaults.
    let default = compose(&[]).unwrap().config;
    assert_eq!(hyp.scheduler, default.train_hyp.scheduler);
    assert_eq!(composed.config.data.label_map, default.data.label_map);
    assert_eq!(composed.config.augmentation, default.augmentation);
}

#[test]
fn deletion_is_not_leaving_out() {
    assert_eq!(compose(&["~augmentation"]).unwrap().config.augmentation, None);
    for group in REQUIRED_GROUPS {
        let message = refusal(&[&format!("~{group}")]);
        assert!(message.contains(&format!("no group {group}")) && message.contains("_default"), "{message}");
    }
    assert!(refusal(&["~train_hyp.learning_rate"]).contains("train_hyp.learning_rate: is required"));
    assert_eq!(
        compose(&["~train_hyp.limit_train_batches"]).unwrap().config.train_hyp.limit_train_batches,
        None
    );
}

#[test]
fn a_partial_file_is_filled_from_the_default_option_of_its_group() {
    let composed =
        compose_own(&[("augmentation/own.yaml", "horizontal_flip: {prob: 0}\n")], &["augmentation=own"])
            .unwrap();
    let (own, default) =
        (composed.config.augmentation.unwrap(), compose(&[]).unwrap().config.augmentation.unwrap());
    assert_eq!((own.horizontal_flip.prob, default.horizontal_flip.prob), (0.0, 0.5));
    assert_eq!(own.stain_jitter, default.stain_jitter);
}

#[test]
fn arguments_of_networks_and_losses_need_no_plus() {
    let composed =
        compose(&["model_hyp.norm=batch", "model_hyp.bias=false", "train_hyp.loss_arguments.gamma=3"]);
    let composed = composed.unwrap();
    assert_eq!(composed.architecture.arguments["norm"], "batch");
    assert_eq!(composed.architecture.arguments["bias"], false);
    // The built-in file leaves these to MONAI.
    assert_eq!(composed.architecture.arguments["act"], "PRELU");
    assert_eq!(composed.architecture.arguments["dropout"], 0.0);
    assert_eq!(composed.config.train_hyp.loss_arguments["gamma"], 3);
    assert_eq!(composed.overrides[0], "model_hyp.norm=batch");
}

#[test]
fn invalid_values_are_errors_with_their_key() {
    let cases = [
        ("train_hyp.max_epoch=3", "train_hyp.max_epochs"),
        ("train_hyp.max_epochs=many", "train_hyp.max_epochs: must be a whole number"),
        ("train_hyp.max_epochs=0", "train_hyp.max_epochs is 0; it must be at least 1"),
        ("train_hyp.optimizer=SGDX", "train_hyp.optimizer is 'SGDX'; the optimizers are SGD, Adam, AdamW"),
        ("train_hyp.optimizer_arguments.momentum=1", "train_hyp.optimizer_arguments.momentum is unknown"),
        ("train_hyp.scheduler=linear", "train_hyp.scheduler is 'linear'; the schedules are constant"),
        ("train_hyp.scheduler=step", "train_hyp.scheduler_arguments.step_size"),
        ("train_hyp.max_time=90s", "'90s' is no time; write it as DD:HH:MM:SS"),
        ("train_hyp.max_steps=0", "train_hyp.max_steps is 0; it must be at least 1"),
        ("train_hyp.ema_decay=1", "train_hyp.ema_decay is 1; it must be at least 0 and below 1"),
        ("train_hyp.precision=16", "16 is not one of 32, 32-true, bf16-mixed"),
        ("train_hyp.class_weights=equal", "must be one weight per class"),
        ("train_hyp.gradient_clip_val=0", "train_hyp.gradient_clip_val is 0; it must be above 0"),
        ("train_hyp.checkpoint.keep_last=0", "train_hyp.checkpoint.keep_last is 0"),
        ("train_hyp.limit_train_batches=1.5", "must be in (0, 1]"),
        ("train_hyp.limit_train_batches=x", "must be a number of batches"),
        ("train_hyp.learning_rate=-1", "must be above 0"),
        ("train_hyp.deep_supervision.weights=[1,-1]", "train_hyp.deep_supervision.weights is [1.0, -1.0]"),
        ("train_hyp.deep_supervision.weight_mode=half", "'half' is not one of same, exp, two"),
        ("train_hyp=gpu", "train_hyp_gcp_gpu"),
        ("+train_hyp.momentum=0.9", "momentum"),
        ("augmentation.stain_jitter.scale=2", "augmentation.stain_jitter.scale is 2; it must be in [0, 1]"),
        ("augmentation.crop.balanced=all", "must be true, false, or one weight per class"),
        ("augmentation.affine.angle=3", "augmentation.affine"),
        ("train_hyp.seed=???", "train_hyp.seed"),
        ("model_hyp.depth=3", "model_hyp.depth is not an argument of UNet"),
        ("model_hyp.chanels=[8,16]", "Did you mean 'channels'?"),
        ("model_hyp.model=VNet", "model_hyp.model is 'VNet'"),
    ];
    for (overridden, expected) in cases {
        let message = refusal(&[overridden]);
        assert!(message.contains(expected), "{overridden}: {message}");
        assert!(!message.contains("use +"), "{overridden}: {message}");
    }
}

#[test]
fn an_unknown_primary_config_lists_where_it_was_searched() {
    let arguments = ConfigArguments { config_name: "foo".to_owned(), ..arguments() };
    let error = Configurations::new(&arguments).unwrap().compose::<&str>(&[]).unwrap_err().to_string();
    assert!(error.contains("the built-in configuration") && error.contains(PRIMARY_CONFIG), "{error}");
}
