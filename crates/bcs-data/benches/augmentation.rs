//! Augmentation of a tile of 224 × 224 pixels on one thread: each built-in option as a whole, and each transform of `strong`
//! alone, applied always.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't run must say why")]

use std::cell::Cell;

use bcs_data::Tile;
use bcs_data::transforms::Augmentation;
use bcs_synthetic::Slide;
use divan::Bencher;

fn main() {
    divan::main();
}

/// Side of the tile in pixels.
const SIDE: u32 = 224;

/// Transforms of `strong` that apply to a tile.
const TRANSFORMS: [&str; 11] = [
    "affine",
    "elastic",
    "horizontal_flip",
    "rot90",
    "macenko",
    "stain_jitter",
    "gaussian_blur",
    "channel_jitter",
    "colour_jitter",
    "gaussian_noise",
    "jpeg",
];

fn option(name: &str) -> Augmentation {
    let text = match name {
        "he" => include_str!("../../../config/hydra/augmentation/he.yaml"),
        "geometry" => include_str!("../../../config/hydra/augmentation/geometry.yaml"),
        _ => include_str!("../../../config/hydra/augmentation/strong.yaml"),
    };
    bcs_config::yaml::parse(text, name).unwrap().decode().unwrap()
}

fn run(bencher: Bencher, augmentation: &Augmentation) {
    let (image, mask) = Slide::new(0, 0).render(SIDE, SIDE);
    let side = SIDE as usize;
    let tile = Tile { width: side, height: side, pixels: image.into_raw(), classes: mask.into_raw() };
    let index = Cell::new(0);
    bencher.bench_local(|| {
        index.set(index.get() + 1);
        augmentation.apply(&tile, 0, 0, index.get())
    });
}

#[divan::bench(args = ["he", "geometry", "strong"])]
fn whole(bencher: Bencher, name: &str) {
    run(bencher, &option(name));
}

#[divan::bench(args = TRANSFORMS)]
fn alone(bencher: Bencher, name: &str) {
    run(bencher, &option("strong").only(name));
}
