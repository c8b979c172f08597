//! `bcs-trainer synthesize`: synthetic H&E tissue in the folder layout of BCSS.

use std::path::Path;

use bcs_imaging::encode;
use bcs_synthetic::Slide;
use fs_err as fs;
use image::{GenericImageView, GrayImage, RgbImage};
use rayon::prelude::*;

use crate::cli::SynthesizeArguments;
use crate::error::{Error, Result};
use crate::output::progress::Progress;

/// Draws synthetic tissue.
pub(super) fn run(arguments: &SynthesizeArguments) -> Result<()> {
    let SynthesizeArguments { output, slides, tiles, size, seed } = arguments;
    for (flag, value, least) in [("--slides", *slides, 3), ("--tiles", *tiles, 1), ("--size", *size, 32)] {
        if value < least {
            return Err(Error::Usage(format!("{flag} is {value}; it must be at least {least}")));
        }
    }
    for split in ["train", "val", "test"] {
        fs::create_dir_all(output.join(split))?;
        fs::create_dir_all(output.join(format!("{split}_mask")))?;
    }
    let progress = Progress::new("Drawing tissue", *slides as usize, "slides");
    (0..*slides).into_par_iter().try_for_each(|slide| {
        let result = draw(output, *seed, slide, split_of(slide, *slides), *tiles, *size);
        progress.step();
        result
    })?;
    drop(progress);
    println!("{} tiles of {slides} slides in {}", slides * tiles, output.display());
    Ok(())
}

/// Split of a slide: the last fifth (at least one) is for testing, the fifth before it for validation.
fn split_of(slide: u32, slides: u32) -> &'static str {
    let fifth = (slides / 5).max(1);
    match slides - slide {
        left if left <= fifth => "test",
        left if left <= 2 * fifth => "val",
        _ => "train",
    }
}

/// Draws a region of a slide and cuts it into tiles, row by row.
fn draw(output: &Path, seed: u64, slide: u32, split: &str, tiles: u32, size: u32) -> Result<()> {
    let columns = f64::from(tiles).sqrt().ceil() as u32;
    let rows = tiles.div_ceil(columns);
    let (image, mask) = Slide::new(seed, u64::from(slide)).render(columns * size, rows * size);
    for tile in 0..tiles {
        let (x, y) = (tile % columns * size, tile / columns * size);
        let name =
            format!("SYNT-S{}-{slide:04}-DX1_xmin0_ymin0_MPP-0.2500_{y}_{x}_size{size}.png", slide % 7);
        let cut: RgbImage = image.view(x, y, size, size).to_image();
        fs::write(output.join(split).join(&name), encode::png(&cut)?)?;
        let cut: GrayImage = mask.view(x, y, size, size).to_image();
        fs::write(output.join(format!("{split}_mask")).join(&name), encode::mask_png(&cut)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_has_slides() {
        for slides in 3..40 {
            let splits: Vec<_> = (0..slides).map(|slide| split_of(slide, slides)).collect();
            for split in ["train", "val", "test"] {
                assert!(splits.contains(&split), "{slides} slides: no {split}");
            }
        }
        assert_eq!((0..15).filter(|slide| split_of(*slide, 15) == "train").count(), 9);
    }
}
