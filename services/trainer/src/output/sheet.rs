//! A picture of what a model does: tiles in rows, each as it is, as it should be and as it was found.

use anyhow::{Context, Result};
use bcs_contracts::{Color, TissueClass};
use bcs_imaging::overlay;
use image::{GrayImage, RgbImage};

/// White between pictures, in pixels.
const GAP: u32 = 8;

/// How much of the colour of a class shows.
const ALPHA: f64 = 0.45;

/// A tile with its truth and its prediction, as class indices.
pub(crate) struct Example {
    /// The tile.
    pub image: RgbImage,
    /// As it should be.
    pub truth: GrayImage,
    /// As it was found.
    pub prediction: GrayImage,
}

/// Lays examples out in rows: tile, truth, prediction; the background class is not tinted. All are cut to the
/// size of the first.
pub(crate) fn sheet(
    examples: &[Example],
    classes: &[TissueClass],
    background: Option<usize>,
) -> Result<RgbImage> {
    let first = examples.first().context("there is no tile to show")?;
    let (width, height) = first.image.dimensions();
    let rows = u32::try_from(examples.len())?;
    let mut sheet =
        RgbImage::from_pixel(3 * width + 4 * GAP, rows * (height + GAP) + GAP, image::Rgb([255; 3]));
    let color = |(index, class): (usize, &TissueClass)| (Some(index) != background).then_some(class.color);
    let palette: Vec<Option<Color>> = classes.iter().enumerate().map(color).collect();
    for (row, example) in (0u32..).zip(examples) {
        let tinted = |mask: &GrayImage| -> Result<RgbImage> {
            let mut image = example.image.clone();
            overlay::blend(&mut image, mask, &palette, ALPHA)?;
            Ok(image)
        };
        let pictures = [example.image.clone(), tinted(&example.truth)?, tinted(&example.prediction)?];
        for (column, picture) in (0u32..).zip(pictures) {
            let at = (GAP + column * (width + GAP), GAP + row * (height + GAP));
            let cut = image::imageops::crop_imm(&picture, 0, 0, width, height).to_image();
            image::imageops::replace(&mut sheet, &cut, i64::from(at.0), i64::from(at.1));
        }
    }
    Ok(sheet)
}
