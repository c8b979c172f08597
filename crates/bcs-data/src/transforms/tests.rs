//! Tests of the augmentation as a whole.

use std::collections::BTreeSet;

use bcs_contracts::IGNORE;
use proptest::prelude::*;

use super::*;

/// The built-in options.
const OPTIONS: [(&str, &str); 4] = [
    ("he", include_str!("../../../../config/hydra/augmentation/he.yaml")),
    ("none", include_str!("../../../../config/hydra/augmentation/none.yaml")),
    ("geometry", include_str!("../../../../config/hydra/augmentation/geometry.yaml")),
    ("strong", include_str!("../../../../config/hydra/augmentation/strong.yaml")),
];

fn option(name: &str) -> Augmentation {
    let text = OPTIONS.iter().find(|(known, _)| *known == name).unwrap().1;
    bcs_config::yaml::parse(text, name).unwrap().decode().unwrap()
}

/// Tissue-like tile: the class of each pixel is a function of its red channel.
fn tile(width: usize, height: usize) -> Tile {
    let class = |at: usize| ((at % width / 5 + at / width / 7) % 3) as u8;
    let classes: Vec<u8> = (0..width * height).map(class).collect();
    let pixels = (0..width * height)
        .flat_map(|at| [120 + 40 * class(at), (60 + at * 7 % 83) as u8, (150 + at * 5 % 61) as u8])
        .collect();
    Tile { width, height, pixels, classes }
}

/// Everything at once.
fn everything() -> Augmentation {
    let mut all = option("strong");
    all.probabilities().into_iter().for_each(|(_, prob)| *prob = 1.0);
    all
}

#[test]
fn the_same_seed_epoch_and_index_give_the_same_tile() {
    let apply = |seed, epoch, index| everything().apply(&tile(32, 32), seed, epoch, index);
    assert_eq!(apply(1, 2, 3), apply(1, 2, 3));
    assert_ne!(apply(1, 2, 3), apply(1, 3, 2));
    assert_ne!(apply(1, 2, 3), apply(2, 2, 3));
}

#[test]
fn none_changes_nothing() {
    let tile = tile(31, 17);
    assert_eq!(Augmentation::none().apply(&tile, 1, 2, 3), tile);
    assert_eq!(option("none").apply(&tile, 1, 2, 3), tile);
    assert!(option("none").active().is_empty());
}

#[test]
fn a_transform_does_not_change_the_choices_of_the_others() {
    let strong = everything();
    let tile = tile(32, 32);
    // What the flip draws is the same alone and beside the others: compare the masks, which only geometry changes.
    let geometry = |keep: &[&str]| {
        let mut some = strong.clone();
        for (name, prob) in some.probabilities() {
            *prob = if keep.contains(&name) { 0.5 } else { 0.0 };
        }
        (0..64).map(|index| some.apply(&tile, 0, 0, index).classes).collect::<Vec<_>>()
    };
    let alone = geometry(&["horizontal_flip", "rot90"]);
    assert_eq!(
        geometry(&["horizontal_flip", "rot90", "macenko", "stain_jitter", "jpeg", "gaussian_noise"]),
        alone
    );
    assert_ne!(geometry(&["rot90"]), alone);
}

#[test]
fn every_transform_changes_the_image_and_streams_differ() {
    let tile = tile(64, 64);
    let strong = everything();
    let mut seen = BTreeSet::new();
    for name in strong.active().into_iter().filter(|name| !["cutmix", "mixup"].contains(name)) {
        let only = strong.only(name);
        assert_eq!(only.active(), [name]);
        let changed: Vec<Tile> = (0..8).map(|index| only.apply(&tile, 0, 0, index)).collect();
        assert!(changed.iter().any(|changed| changed.pixels != tile.pixels), "{name}");
        assert!(seen.insert(changed[0].pixels.clone()), "{name}");
    }
}

#[test]
fn the_default_has_all_eight_orientations_equally_often() {
    let mut default = option("he");
    for (name, prob) in default.probabilities() {
        if !["horizontal_flip", "vertical_flip", "rot90"].contains(&name) {
            *prob = 0.0;
        }
    }
    let tile = tile(16, 16);
    let mut counts = std::collections::BTreeMap::new();
    for index in 0..8000 {
        *counts.entry(default.apply(&tile, 0, 0, index).classes).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 8);
    assert!(counts.values().all(|count| (850..1150).contains(count)), "{:?}", counts.values());
}

#[test]
fn image_and_mask_are_moved_alike() {
    let tile = tile(48, 48);
    for index in 0..16 {
        let moved = option("geometry").apply(&tile, 0, 0, index);
        let nearest = |pixel: &[u8]| ((f64::from(pixel[0]) - 120.0) / 40.0).round() as u8;
        let agree = moved
            .pixels
            .chunks_exact(3)
            .zip(&moved.classes)
            .filter(|(pixel, class)| nearest(pixel) == **class);
        // Interpolated pixels between classes 0 and 2 look like class 1.
        assert!(agree.count() * 100 > moved.classes.len() * 85, "{index}");
    }
}

#[test]
fn values_out_of_range_are_errors_that_name_the_key() {
    let message = |change: fn(&mut Augmentation)| {
        let mut augmentation = option("he");
        change(&mut augmentation);
        augmentation.check().unwrap_err().to_string()
    };
    type Change = fn(&mut Augmentation);
    let cases: [(Change, &str); 9] = [
        (|all| all.jpeg.prob = 1.5, "augmentation.jpeg.prob is 1.5; it must be in [0, 1]"),
        (|all| all.stain_jitter.scale = 2.0, "augmentation.stain_jitter.scale is 2; it must be in [0, 1]"),
        (|all| all.jpeg.quality_range = [90, 40], "augmentation.jpeg.quality_range is [90, 40]"),
        (|all| all.elastic.magnitude_range = [0.0, 20.0], "within [0, 10.666"),
        (|all| all.crop.size = Some([0, 3]), "augmentation.crop.size is [0, 3]"),
        (|all| all.crop.num_samples = 0, "augmentation.crop.num_samples is 0"),
        (|all| all.crop.balanced = Balance::Weights(vec![0.0]), "augmentation.crop.balanced is [0.0]"),
        (|all| all.gaussian_blur.sigma_range = [f64::NAN, 1.0], "augmentation.gaussian_blur.sigma_range"),
        (|all| all.colour_jitter.hue = 0.6, "augmentation.colour_jitter.hue is 0.6; it must be in [0, 0.5]"),
    ];
    for (change, expected) in cases {
        assert!(message(change).contains(expected), "{}", message(change));
    }
    for (name, _) in OPTIONS {
        option(name).check().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_label_is_invented(
        width in 1usize..40, height in 1usize..40, seed in any::<u64>(), epoch in any::<u64>(),
        side in 1usize..40, balanced in any::<bool>(), ignore in any::<bool>(),
    ) {
        let mut all = everything();
        all.crop = Crop {
            size: Some([side.min(height), side.min(width)]), balanced: Balance::Even(balanced), num_samples: 1,
        };
        all.padding_mode = if ignore { PaddingMode::Ignore } else { PaddingMode::Reflection };
        let tile = tile(width, height);
        let result = all.apply(&tile, seed, epoch, 0);
        prop_assert_eq!([result.height, result.width], all.crop.size.unwrap());
        prop_assert_eq!(result.pixels.len(), result.classes.len() * 3);
        let mut known: BTreeSet<u8> = tile.classes.iter().copied().collect();
        if ignore {
            known.insert(IGNORE);
        }
        prop_assert!(result.classes.iter().all(|class| known.contains(class)));
        prop_assert_eq!(all.apply(&tile, seed, epoch, 0), result);
    }
}

/// Numbers of scipy and torchvision, written by `tests/golden/make_golden.py`.
pub(crate) mod golden {
    use serde::Deserialize;

    use super::Tile;

    #[derive(Deserialize)]
    pub(crate) struct Golden {
        width: usize,
        height: usize,
        pixels: Vec<u8>,
        classes: Vec<u8>,
        pub(crate) affine: Vec<Affine>,
        pub(crate) blur: Vec<Blur>,
        pub(crate) colour: Vec<Colour>,
    }

    /// A map about the centre, a displacement, and the resampled tile.
    #[derive(Deserialize)]
    pub(crate) struct Affine {
        pub(crate) name: String,
        pub(crate) matrix: [[f32; 2]; 2],
        pub(crate) translation: [f32; 2],
        pub(crate) displacement: Option<[Vec<f32>; 2]>,
        pub(crate) pixels: Vec<u8>,
        pub(crate) classes: Vec<u8>,
        /// Whether a pixel comes from within the tile.
        pub(crate) inside: Vec<bool>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Blur {
        pub(crate) sigma: f64,
        pub(crate) pixels: Vec<u8>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Colour {
        /// Of brightness, contrast and saturation, and the shift of the hue.
        pub(crate) factors: [f32; 4],
        pub(crate) pixels: Vec<u8>,
    }

    impl Golden {
        pub(crate) fn read() -> Self {
            serde_json::from_str(include_str!("../../tests/golden/transforms.json")).unwrap()
        }

        pub(crate) fn tile(&self) -> Tile {
            let Self { width, height, pixels, classes, .. } = self;
            Tile { width: *width, height: *height, pixels: pixels.clone(), classes: classes.clone() }
        }
    }

    /// Asserts that no value differs by more than `tolerance`, and at most 1 % at all: values between two integers may be
    /// rounded to either.
    pub(crate) fn assert_close(ours: &[u8], golden: &[u8], tolerance: u8, case: &str) {
        assert_eq!(ours.len(), golden.len(), "{case}");
        let differences = || ours.iter().zip(golden).map(|(a, b)| a.abs_diff(*b));
        assert!(differences().all(|difference| difference <= tolerance), "{case}: {:?}", differences().max());
        let count = differences().filter(|difference| *difference > 0).count();
        assert!(count * 100 <= ours.len(), "{case}: {count} of {} values differ", ours.len());
    }
}
