//! Slides, tiles and their features.

use bcs_contracts::Features;
use bcs_contracts::features::fraction_of;
use bcs_imaging::features::measure;
use bcs_synthetic::Slide;
use image::{GrayImage, RgbImage, imageops};
use rayon::prelude::*;

use crate::shifts::{Kind, SHIFTS, changed};

/// Side of a tile in pixels.
const TILE: u32 = 96;

/// Tiles per row and column of the region of a slide.
const GRID: [u32; 2] = [6, 4];

/// Number of tiles of a slide in a window. The other tiles of the region are there to be exchanged for.
pub(crate) const TILES: usize = 12;

/// Seed of the slides.
const SEED: u64 = 20;

/// Blur of contaminating tiles, σ in pixels.
pub(crate) const CONTAMINATION: f64 = 2.0;

/// Classes of the masks, by code.
const CLASSES: [(u8, &str); 5] =
    [(1, "tumour"), (2, "stroma"), (3, "inflammatory"), (4, "necrosis"), (9, "fat")];

/// The features of a slide's tiles.
#[derive(Debug)]
pub(crate) struct Tiles {
    /// Tiles as they are.
    pub clean: Vec<Features>,
    /// Positions of the tiles with the most tumour.
    pub tumorous: Vec<usize>,
    /// Tiles for each kind and strength of [`SHIFTS`]; those of [`Kind::TumourShare`] are empty.
    pub shifted: Vec<[Vec<Features>; 3]>,
    /// Tiles that are out of focus.
    pub contaminated: Vec<Features>,
}

/// A population of slides.
pub(crate) struct Population {
    pub slides: Vec<Tiles>,
}

impl Population {
    /// Draws slides and measures their tiles.
    pub(crate) fn draw(count: u64) -> Self {
        Self { slides: (0..count).into_par_iter().map(slide).collect() }
    }

    /// Number of features of a tile.
    pub(crate) fn features(&self) -> usize {
        self.slides[0].clean[0].len()
    }
}

fn slide(index: u64) -> Tiles {
    let (image, mask) = Slide::new(SEED, index).render(GRID[0] * TILE, GRID[1] * TILE);
    let tiles = cut(&image, &mask);
    let clean: Vec<Features> = tiles.iter().map(|(tile, mask)| features(tile, mask)).collect();
    let mut tumorous: Vec<usize> = (0..clean.len()).collect();
    let tumour = |at: &usize| clean[*at][&fraction_of("tumour")];
    tumorous.sort_by(|a, b| tumour(b).total_cmp(&tumour(a)));
    tumorous.truncate(TILES);
    let all = |kind, strength| {
        let seed = |at: usize| index * 100 + at as u64;
        tiles
            .iter()
            .enumerate()
            .take(TILES)
            .map(|(at, (tile, mask))| features(&changed(tile, kind, strength, seed(at)), mask))
            .collect()
    };
    let shifted = SHIFTS.iter().map(|(kind, _, strengths)| {
        strengths.map(|strength| match kind {
            Kind::Magnification => magnified(&image, &mask, strength),
            Kind::TumourShare => Vec::new(),
            _ => all(*kind, strength),
        })
    });
    Tiles { tumorous, shifted: shifted.collect(), contaminated: all(Kind::Blur, CONTAMINATION), clean }
}

/// Cuts a region into tiles, in an order that does not follow the position.
fn cut(image: &RgbImage, mask: &GrayImage) -> Vec<(RgbImage, GrayImage)> {
    let [columns, rows] = [image.width() / TILE, image.height() / TILE];
    let count = columns * rows;
    // 7 has no factor in common with the numbers of tiles.
    let positions = (0..count).map(|at| at * 7 % count).map(|at| (at % columns * TILE, at / columns * TILE));
    positions
        .map(|(x, y)| {
            let tile = imageops::crop_imm(image, x, y, TILE, TILE).to_image();
            (tile, imageops::crop_imm(mask, x, y, TILE, TILE).to_image())
        })
        .collect()
}

/// Tiles of the region, scanned with pixels of `factor` times the size.
fn magnified(image: &RgbImage, mask: &GrayImage, factor: f64) -> Vec<Features> {
    let side = |side: u32| (f64::from(side) / factor).round() as u32;
    let size = (side(image.width()), side(image.height()));
    let image = imageops::resize(image, size.0, size.1, imageops::FilterType::Triangle);
    let mask = imageops::resize(mask, size.0, size.1, imageops::FilterType::Nearest);
    cut(&image, &mask).iter().map(|(tile, mask)| features(tile, mask)).take(TILES).collect()
}

/// Features of the image, and the areas of the classes as a perfect model sees them.
fn features(tile: &RgbImage, mask: &GrayImage) -> Features {
    let mut features = measure(tile, [TILE, TILE]);
    let pixels = f64::from(TILE * TILE);
    for (code, name) in CLASSES {
        let count = mask.pixels().filter(|pixel| pixel.0[0] == code).count();
        features.insert(fraction_of(name), count as f64 / pixels);
    }
    features
}
