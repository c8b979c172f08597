//! Whatever cannot work is reported before a run folder exists, with an exit code that follows the type of the error.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage};

use crate::support::{SIDE, outcome, train, write_tile, write_tile_of, write_tissue};

/// Trains and expects a refusal that leaves nothing behind; returns the message.
fn refusal(folder: &Path, overrides: &[&str], code: i32) -> String {
    let (found, _, error) = train(folder, overrides);
    assert_eq!(found, Some(code), "{overrides:?}: {error}");
    for left in ["models", "outputs", "multirun"] {
        assert!(!folder.join(left).exists(), "{overrides:?} left {left}");
    }
    error
}

#[test]
fn invalid_configurations_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let cases: [(&[&str], &str); 17] = [
        (&["train_hyp.max_epoch=3"], "train_hyp.max_epochs"),
        (&["trainhyp=fast"], "trainhyp"),
        (&["train_hyp.max_epochs=many"], "train_hyp.max_epochs: must be a whole number"),
        (&["data.root=nowhere"], "nowhere/train"),
        (&["data.label_map=bcss-7class"], "data.label_map"),
        (&["data.label_map=bcss-5class"], "model_hyp.out_channels=5"),
        (&["model_hyp.model=VNet"], "the networks are UNet"),
        (
            &["model_hyp.strides=[5,2]"],
            "multiples of 10×10; cut the tiles to such a size, or choose other model_hyp.strides",
        ),
        (
            &[
                "model_hyp.model=SegResNet",
                "model_hyp.init_filters=1",
                "model_hyp.norm=batch",
                "model_hyp.blocks_down=[1,1,1,1,1,1,1,1]",
                "model_hyp.blocks_up=[1,1,1,1,1,1,1]",
            ],
            "multiples of 128×128; cut the tiles to such a size\n",
        ),
        (&["model_hyp.chanels=[4,8]"], "Did you mean 'channels'?"),
        (&["model_hyp.channels=[4,8,16,32]", "model_hyp.strides=[8,8,1]"], "needs at least"),
        (&["train_hyp.device=tpu"], "cuda:N"),
        (&["train_hyp.loss=Dise"], "train_hyp.loss"),
        (&["train_hyp.loss_arguments.gama=2"], "train_hyp.loss_arguments"),
        (&["train_hyp.class_weights=[0,0]"], "train_hyp.class_weights"),
        (&["train_hyp.class_weights=[1,1,1]"], "train_hyp.class_weights has 3 weights"),
        (
            &["data.split=patient", "data.held_out=[TCGA-A1-0001,TCGA-XX-9999]"],
            "TCGA-XX-9999; the patients are TCGA-A1-0001, TCGA-A2-0002",
        ),
    ];
    for (overrides, expected) in cases {
        let error = refusal(here, overrides, 2);
        assert!(error.contains(expected), "{overrides:?}: {error}");
    }
    let (code, _, error) = outcome(here, &["~train_hyp", "data.root=tissue"], &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("no group train_hyp"), "{error}");
}

#[test]
fn masks_that_would_be_misread_exit_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let error = refusal(here, &["data.label_map=bcss-tumor"], 1);
    assert!(error.contains("codes 2") && error.contains("data.label_map"), "{error}");

    let mask = here.join("tissue/train_mask/TCGA-A1-0001-DX1_0.png");
    let codes: DynamicImage = GrayImage::new(SIDE, SIDE).into();
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).encode_image(&codes).unwrap();
    std::fs::write(&mask, jpeg).unwrap();
    let error = refusal(here, &[], 1);
    assert!(error.contains("TCGA-A1-0001-DX1_0.png: is a JPEG"), "{error}");
    codes.to_rgb8().save(&mask).unwrap();
    assert!(refusal(here, &[], 1).contains("is an RGB image"));
    codes.to_luma16().save(&mask).unwrap();
    assert!(refusal(here, &[], 1).contains("16 bits"));
}

#[test]
fn tiles_that_cannot_train_or_validate_exit_with_1() {
    // Codes of bcss-22-tumor: 0 is ignored, 1 is tumour, 2 is other (background).
    let cases = [
        ([0, 0], [1, 2], "all pixels of the training tiles are ignored"),
        ([1, 2], [0, 0], "all pixels of the validation tiles are ignored"),
        ([1, 2], [2, 2], "the validation tiles have no pixels of tumour"),
    ];
    for (training, validation, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tissue");
        write_tile(&root, "train", "a", training);
        write_tile(&root, "val", "b", validation);
        let error = refusal(folder.path(), &[], 1);
        assert!(error.contains(expected) && error.contains("data.label_map"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tissue");
    write_tile(&root, "train", "a", [2, 2]);
    write_tile(&root, "val", "b", [1, 2]);
    let error = refusal(folder.path(), &["train_hyp.class_weights=[0,1]"], 1);
    assert!(error.contains("weight 0"), "{error}");
}

#[test]
fn validation_tiles_that_are_too_small_exit_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    write_tile_of(&here.join("tissue"), "val", "tiny", (6, 12), [1, 2]);
    let error = refusal(here, &[], 1);
    assert!(error.contains("tiny.png: is 6×12 pixels, but the network needs at least"), "{error}");
}

#[test]
fn suspicious_tiles_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    write_tile(&here.join("tissue"), "val", "TCGA-A2-0002-DX1_9", [3, 4]);
    let overrides = ["data.label_map=bcss-5class", "model_hyp.out_channels=5", "train_hyp.max_epochs=1"];
    let (code, printed, error) = train(here, &overrides);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("no training tile has pixels of inflammatory, necrosis, other"), "{error}");
    assert!(error.contains("patients in both training and validation tiles"), "{error}");
    assert!(error.contains("TCGA-A2-0002;"), "{error}");
    assert!(printed.contains("left out, as no mask has pixels of them: other"), "{printed}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_lack_of_memory_is_found_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    // The first convolution of 65 000 channels needs 2 GB for the two tiles, in a process that may have 2 GB in all.
    let large = ["model_hyp.channels=[65000,4]", "model_hyp.strides=[1]", "model_hyp.num_res_units=0"];
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 2000000; exec \"$@\"", "sh"])
        .arg(bcs_tests::program("bcs-trainer"))
        .args(bcs_tests::SMALL)
        .args(large)
        .current_dir(here)
        .env("OMP_NUM_THREADS", "1")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("a training step on 2 tiles of 64×64 pixels fails"), "{error}");
    assert!(error.contains("choose a smaller train_hyp.training_batch_size"), "{error}");
    assert!(!here.join("models").exists() && !here.join("outputs").exists());
}
