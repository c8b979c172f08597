//! Prints how long the features of a tile take, in one thread. Arguments: PNG files, or none for a synthetic slide.
//!
//! Run with `cargo run --release -p bcs-imaging --example feature_cost -- TILE.png …`.

use std::error::Error;
use std::time::Instant;

use bcs_imaging::features::measure;
use bcs_imaging::{Limits, decode};
use bcs_synthetic::Slide;
use image::{GenericImageView, RgbImage};

const TILE: u32 = 224;

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    let read = |file: &String| -> Result<RgbImage, Box<dyn Error>> {
        Ok(decode(&std::fs::read(file)?, Limits::default())?.rgb)
    };
    let mut tiles: Vec<RgbImage> = files.iter().map(read).collect::<Result<_, _>>()?;
    let decoding = start.elapsed();
    if tiles.is_empty() {
        let (region, _) = Slide::new(1, 0).render(8 * TILE, 8 * TILE);
        let corners = (0..64).map(|at| (at % 8 * TILE, at / 8 * TILE));
        tiles = corners.map(|(x, y)| region.view(x, y, TILE, TILE).to_image()).collect();
    } else {
        println!("decoding: {:.3} ms a tile", decoding.as_secs_f64() * 1e3 / tiles.len() as f64);
    }
    let mut best = f64::INFINITY;
    let mut count = 0;
    for _ in 0..5 {
        let start = Instant::now();
        count = tiles.iter().map(|tile| measure(tile, [TILE; 2]).len()).max().unwrap_or(0);
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{count} features of {} tiles: {:.3} ms a tile", tiles.len(), best * 1e3 / tiles.len() as f64);
    Ok(())
}
