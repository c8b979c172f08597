//! The embedding of a trained network: in the package's reference, in both engines, and as tissue changes.

use std::ops::Range;

use bcs_contracts::{FeatureTable, Features};
use bcs_drift::Outcome;
use bcs_drift::judgement::{Options, judge};
use bcs_drift::table::Part;
use bcs_inference::{Engine, EngineKind, Segmentation, SlidingWindow};
use bcs_synthetic::Slide;
use bcs_tests::{package, run_ok};
use image::RgbImage;
use image::imageops::crop_imm;

use crate::support::{SIDE, json, trained};

/// Embeddings of two tiles of each slide, changed.
fn embeddings(
    engine: &mut dyn Engine,
    slides: Range<u64>,
    change: impl Fn(&RgbImage) -> RgbImage,
) -> FeatureTable {
    let mut table = FeatureTable::default();
    for slide in slides {
        let (region, _) = Slide::new(11, slide).render(2 * SIDE, SIDE);
        for left in [0, SIDE] {
            let tile = change(&crop_imm(&region, left, 0, SIDE, SIDE).to_image());
            let logits = SlidingWindow::default().run(engine, &tile).unwrap();
            let mut features = Features::new();
            let classes = &engine.info().classes;
            Segmentation::from_logits(&logits).unwrap().add_features(classes, &mut features);
            features.retain(|name, _| name.starts_with("embedding_"));
            table.push(Some(format!("slide {slide}")), &features);
        }
    }
    table
}

/// Optical density times `amount`.
fn stained(tile: &RgbImage, amount: f32) -> RgbImage {
    let mut tile = tile.clone();
    tile.iter_mut().for_each(|byte| {
        *byte = (256.0 * ((f32::from(*byte) + 1.0) / 256.0).powf(amount) - 1.0).round() as u8;
    });
    tile
}

#[test]
fn embeddings_tell_changed_tissue_from_new_slides() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let arguments = ["synthesize", "--output", "tissue", "--slides", "8", "--tiles", "6", "--size", "64"];
    run_ok("bcs-trainer", &arguments, here, &[]);
    trained(here, &["train_hyp.max_epochs=3", "train_hyp.learning_rate=1e-2"]);
    let package = package(&here.join("models"));

    let reference = json(package.join("reference.json"));
    for component in 0..8 {
        let name = format!("embedding_{component}");
        let values = reference["model"]["features"][&name].as_array().unwrap();
        assert!(!values.is_empty() && values.iter().all(serde_json::Value::is_f64), "{name}: {values:?}");
        assert!(reference["image"]["features"][&name].is_null(), "{name} is no image feature");
    }

    let engine = |engine| {
        let options = bcs_inference::Options { engine, ..bcs_inference::Options::on("cpu") };
        bcs_inference::open(&package, &options).unwrap().engine().unwrap()
    };
    let mut torch = engine(EngineKind::Libtorch);
    let known = embeddings(torch.as_mut(), 0..24, RgbImage::clone);
    let vino = embeddings(engine(EngineKind::OpenVino).as_mut(), 0..2, RgbImage::clone);
    assert_eq!(vino.features.len(), 8);
    for (name, column) in &vino.features {
        for (torch, vino) in known.features[name].iter().zip(column) {
            assert!((torch.unwrap() - vino.unwrap()).abs() < 1e-4, "{name}: {torch:?} {vino:?}");
        }
    }

    let known = Part::from(&known);
    let mut outcome = |change: &dyn Fn(&RgbImage) -> RgbImage| {
        let current = embeddings(torch.as_mut(), 24..36, change);
        let judgement = judge(&[&known], &Part::from(&current), &Options::default());
        for finding in judgement.findings.iter().take(3) {
            println!(
                "{} {:?}: p = {:?}, {:+.1} SD",
                finding.feature, finding.quantity, finding.p_value, finding.effect.value
            );
        }
        judgement.outcome
    };
    assert_eq!(outcome(&|tile| tile.clone()), Outcome::NoDrift);
    assert_eq!(outcome(&|tile| stained(tile, 0.4)), Outcome::Drift);
    assert_eq!(outcome(&|tile| stained(tile, 2.0)), Outcome::Drift);
}
