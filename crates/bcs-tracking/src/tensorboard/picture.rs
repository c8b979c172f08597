//! Pictures of tiles: the tile, its ground truth and its prediction, side by side.

use bcs_contracts::{Color, TissueClass};
use bcs_imaging::overlay;
use image::imageops::replace;
use image::{GrayImage, Rgb, RgbImage};

use crate::entry::Picture;
use crate::error::Result;

/// Gap between the parts, in pixels.
const GAP: u32 = 4;

/// Opacity of class colours.
const ALPHA: f64 = 0.45;

/// Draws pictures in the colours of the classes.
#[derive(Debug)]
pub(super) struct Painter {
    palette: Vec<Option<Color>>,
}

impl Painter {
    /// Creates a painter. The background class is not tinted.
    pub(super) fn new(classes: &[TissueClass], background: Option<usize>) -> Self {
        let color =
            |(index, class): (usize, &TissueClass)| (Some(index) != background).then_some(class.color);
        Self { palette: classes.iter().enumerate().map(color).collect() }
    }

    /// Draws the tile, the tile tinted by its ground truth, and the tile tinted by the prediction.
    pub(super) fn draw(&self, picture: &Picture) -> Result<RgbImage> {
        let (width, height) = picture.image.dimensions();
        let mut drawn = RgbImage::from_pixel(3 * width + 2 * GAP, height, Rgb([255; 3]));
        let tinted = |mask: &GrayImage| -> Result<RgbImage> {
            let mut image = picture.image.clone();
            overlay::blend(&mut image, mask, &self.palette, ALPHA)?;
            Ok(image)
        };
        let parts = [picture.image.clone(), tinted(&picture.truth)?, tinted(&picture.prediction)?];
        for (column, part) in (0u32..).zip(parts) {
            replace(&mut drawn, &part, i64::from(column * (width + GAP)), 0);
        }
        Ok(drawn)
    }
}
