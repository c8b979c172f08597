//! Augmentation as a user sees it: the contact sheet, and training on crops and mixed tiles.

use bcs_tests::{SMALL, package};

use crate::support::{json, metrics, outcome, output, train, trained, write_tissue};

#[test]
fn the_contact_sheet_has_a_row_for_each_tile_and_each_transform() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let sheet = |overrides: &[&str]| {
        let arguments = [&["--cfg", "augment"][..], &SMALL[..], overrides].concat();
        let (code, printed, error) = outcome(here, &arguments, &[]);
        assert_eq!(code, Some(0), "{error}");
        let path = output(here).join("augmentation.png");
        assert!(printed.contains(path.strip_prefix(here).unwrap().to_str().unwrap()), "{printed}");
        let image = image::open(&path).unwrap().into_rgb8();
        std::fs::remove_dir_all(here.join("outputs")).unwrap();
        image
    };
    let none = sheet(&["augmentation=none"]);
    let crop = sheet(&["augmentation=none", "augmentation.crop.size=[32,48]"]);
    let strong = sheet(&["augmentation=strong"]);
    // 64 pixels a row and two tiles: one row for the crop, 13 for the transforms of `strong`.
    assert!(crop.height() > none.height() + 64 && strong.height() > crop.height() + 12 * 64);
    // Without a transform, all variants of a tile look like it.
    let colors = |image: &image::RgbImage| {
        image.pixels().map(|pixel| pixel.0).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert!(colors(&none) * 5 < colors(&strong), "{} and {} colours", colors(&none), colors(&strong));
    assert!(!here.join("models").exists());
}

#[test]
fn training_on_crops_and_mixed_tiles_does_not_depend_on_workers() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let augmentation = [
        "augmentation=strong",
        "augmentation.crop={size: [32, 48], balanced: true, num_samples: 3}",
        "augmentation.padding_mode=ignore",
        "augmentation.mixup.prob=0.5",
        "train_hyp.loss=DiceFocal",
    ];
    let run = |repository: &str, workers: &str| {
        let overrides =
            [&augmentation[..], &[repository, workers, "train_hyp.training_batch_size=2"]].concat();
        trained(here, &overrides)
    };
    run("train_hyp.model_repo_location=one", "train_hyp.training_num_workers=1");
    let log = metrics(here);
    assert!(log.iter().all(|epoch| epoch["loss"].as_f64().unwrap().is_finite()), "{log:?}");
    // Two tiles, three crops each, two in a batch, two epochs.
    assert_eq!(log.last().unwrap()["step"], 6);
    run("train_hyp.model_repo_location=two", "train_hyp.training_num_workers=4");
    let read =
        |repository: &str, file: &str| std::fs::read(package(&here.join(repository)).join(file)).unwrap();
    assert!(read("one", "model.safetensors") == read("two", "model.safetensors"), "the models differ");
    // The model window is the crop.
    let metadata = json(package(&here.join("one")).join("metadata.json"));
    assert_eq!(metadata["input"]["tile"], serde_json::json!([32, 48]));
}

#[test]
fn crops_that_cannot_be_cut_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    for (overridden, code, expected) in [
        ("augmentation.crop.size=[96,64]", 1, "smaller than augmentation.crop.size (64×96)"),
        ("augmentation.crop.size=[30,30]", 2, "the training tiles are 30×30 pixels"),
        (
            "augmentation.crop={size: [32, 32], balanced: [1, 1, 1]}",
            2,
            "augmentation.crop.balanced has 3 weights",
        ),
    ] {
        let (found, _, error) = train(here, &[overridden]);
        assert_eq!(found, Some(code), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!here.join("models").exists());
    }
}
