//! The features of a region agree with those of the tiles it is cut into: within a quarter of the standard deviation
//! between the tiles. Drift would otherwise be seen in the size of images.

use std::error::Error;
use std::fs::DirEntry;
use std::path::Path;

use bcs_contracts::Features;
use bcs_imaging::features::measure;
use bcs_imaging::{Limits, decode};
use bcs_synthetic::Slide;
use image::{GenericImageView, RgbImage};

const TILE: u32 = 224;
/// Greatest difference between a region and the mean of its tiles, in standard deviations between the tiles.
const TOLERANCE: f64 = 0.25;

/// Difference of each feature of a region from the mean over the tiles, in standard deviations between the tiles.
fn differences(region: &Features, tiles: &[Features]) -> Vec<(String, f64)> {
    let difference = |(name, value): (&String, &f64)| {
        let values: Vec<f64> = tiles.iter().filter_map(|tile| tile.get(name).copied()).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        // No tile has pen marks, say, and neither has the region.
        let difference = if *value == mean { 0.0 } else { (value - mean) / variance.sqrt() };
        (name.clone(), difference)
    };
    region.iter().map(difference).collect()
}

/// Checks every feature, and that measuring the region as a whole would not have passed.
fn check(region: &RgbImage, tiles: &[RgbImage]) {
    let tiles: Vec<Features> = tiles.iter().map(|tile| measure(tile, [TILE; 2])).collect();
    let by_window = differences(&measure(region, [TILE; 2]), &tiles);
    println!("{} tiles, region of {}×{} pixels:", tiles.len(), region.width(), region.height());
    by_window
        .iter()
        .for_each(|(name, difference)| println!("  {name}: {difference:+.3} standard deviations"));
    assert_eq!(by_window.len(), 29, "features of a region with tissue");
    for (name, difference) in by_window {
        assert!(difference.abs() <= TOLERANCE, "{name} differs by {difference} standard deviations");
    }
    let as_a_whole = differences(&measure(region, [region.height(), region.width()]), &tiles);
    assert!(as_a_whole.iter().any(|(_, difference)| difference.abs() > TOLERANCE), "{as_a_whole:?}");
}

#[test]
fn a_synthetic_region_has_the_features_of_its_tiles() {
    for index in 0..3 {
        // Neither side is a multiple of the tile's, so that the last windows are moved back.
        let (region, _) = Slide::new(17, index).render(6 * TILE + 40, 5 * TILE + 150);
        let corners = (0..5).flat_map(|row| (0..6).map(move |column| (column * TILE, row * TILE)));
        let tiles: Vec<RgbImage> = corners.map(|(x, y)| region.view(x, y, TILE, TILE).to_image()).collect();
        check(&region, &tiles);
    }
}

/// Needs `BCS_DATA_DIR`: a folder with one region in `roi/` and the tiles cut from it in `val/`, whose names begin as
/// that of the region does, up to `_MPP`.
#[test]
fn a_real_region_has_the_features_of_its_tiles() {
    let Some(data) = std::env::var_os("BCS_DATA_DIR") else {
        println!("skipped: BCS_DATA_DIR is not set");
        return;
    };
    let regions = images(&Path::new(&data).join("roi")).unwrap();
    assert!(!regions.is_empty(), "there is no region in roi/ of BCS_DATA_DIR");
    let tiles = images(&Path::new(&data).join("val")).unwrap();
    for (name, region) in regions {
        let slide = name.split("_MPP").next().unwrap_or(&name);
        let tiles: Vec<RgbImage> =
            tiles.iter().filter(|(name, _)| name.starts_with(slide)).map(|(_, tile)| tile.clone()).collect();
        check(&region, &tiles);
    }
}

/// The images of a folder with their names.
fn images(folder: &Path) -> Result<Vec<(String, RgbImage)>, Box<dyn Error>> {
    let load = |entry: DirEntry| -> Result<_, Box<dyn Error>> {
        let image = decode(&std::fs::read(entry.path())?, Limits::default())?.rgb;
        Ok((entry.file_name().to_string_lossy().into_owned(), image))
    };
    std::fs::read_dir(folder)?.map(|entry| load(entry?)).collect()
}
