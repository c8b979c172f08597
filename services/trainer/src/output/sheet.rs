//! A picture of examples: one per row, with image, ground truth and prediction side by side.

use bcs_contracts::{Color, TissueClass};
use bcs_imaging::overlay;
use bcs_tracking::Picture;
use image::imageops::{FilterType, replace, resize};
use image::{GrayImage, Rgb, RgbImage};

use crate::error::{Error, Result};

/// Gap between pictures, in pixels.
const GAP: u32 = 8;

/// Opacity of class colours.
const ALPHA: f64 = 0.45;

/// Maximum width and height of an example, in pixels. Larger images are scaled down.
const MAX_SIDE: u32 = 512;

/// An image with its ground truth and its prediction as class indices.
pub(crate) struct Example {
    image: RgbImage,
    truth: GrayImage,
    prediction: GrayImage,
}

impl Example {
    /// Creates an example of an image and its masks, all of one size, for a [`sheet`].
    pub(crate) fn new(image: &RgbImage, truth: &GrayImage, prediction: &GrayImage) -> Self {
        Self::scaled_to(MAX_SIDE, image, truth, prediction)
    }

    /// Creates an example of at most `most` pixels in width and height.
    pub(crate) fn scaled_to(most: u32, image: &RgbImage, truth: &GrayImage, prediction: &GrayImage) -> Self {
        let (width, height) = scaled(image.dimensions(), most);
        // Class indices cannot be averaged.
        let scale_mask = |mask: &GrayImage| resize(mask, width, height, FilterType::Nearest);
        Self {
            image: resize(image, width, height, FilterType::Triangle),
            truth: scale_mask(truth),
            prediction: scale_mask(prediction),
        }
    }

    /// Returns image, ground truth and prediction, the masks as colours over the image.
    ///
    /// # Errors
    /// [`Error::Imaging`] if a mask has a class without an entry in the palette.
    pub(crate) fn pictures(&self, palette: &[Option<Color>]) -> Result<[RgbImage; 3]> {
        let tinted = |mask: &GrayImage| -> Result<RgbImage> {
            let mut image = self.image.clone();
            overlay::blend(&mut image, mask, palette, ALPHA)?;
            Ok(image)
        };
        Ok([self.image.clone(), tinted(&self.truth)?, tinted(&self.prediction)?])
    }

    /// Returns the example as a picture for the tracking of a run.
    pub(crate) fn into_picture(self, name: String) -> Picture {
        let Self { image, truth, prediction } = self;
        Picture { name, image, truth, prediction }
    }
}

/// Returns the colour of each class; the background class is not tinted.
pub(crate) fn palette(classes: &[TissueClass], background: Option<usize>) -> Vec<Option<Color>> {
    let color = |(index, class): (usize, &TissueClass)| (Some(index) != background).then_some(class.color);
    classes.iter().enumerate().map(color).collect()
}

/// Scales a size down so that neither side exceeds `most`.
fn scaled((width, height): (u32, u32), most: u32) -> (u32, u32) {
    let longest = u64::from(width.max(height)).max(u64::from(most));
    let scale = |side: u32| (u64::from(side) * u64::from(most) / longest).max(1) as u32;
    (scale(width), scale(height))
}

/// Returns up to `count` evenly spaced indices out of `0..len`.
pub(crate) fn evenly_spaced(count: usize, len: usize) -> Vec<usize> {
    let count = count.min(len);
    (0..count).map(|place| place * len / count).collect()
}

/// Draws examples in rows: image, ground truth, prediction. The background class is not tinted.
///
/// # Errors
/// [`Error::Tiles`] if there are no examples.
pub(crate) fn sheet(
    examples: &[Example],
    classes: &[TissueClass],
    background: Option<usize>,
) -> Result<RgbImage> {
    let width = examples.iter().map(|example| example.image.width()).max();
    let width = width.ok_or_else(|| Error::Tiles("there are no tiles to draw".to_owned()))?;
    let height: u32 = examples.iter().map(|example| example.image.height() + GAP).sum();
    let mut sheet = RgbImage::from_pixel(3 * width + 4 * GAP, height + GAP, Rgb([255; 3]));
    let palette = palette(classes, background);
    let mut y = GAP;
    for example in examples {
        for (column, picture) in (0u32..).zip(example.pictures(&palette)?) {
            replace(&mut sheet, &picture, i64::from(GAP + column * (width + GAP)), i64::from(y));
        }
        y += example.image.height() + GAP;
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;
    use image::Luma;

    use super::*;

    #[test]
    fn large_regions_are_scaled_down_and_keep_their_classes() {
        let (width, height) = (3619, 1987);
        let image = RgbImage::from_pixel(width, height, Rgb([200, 100, 150]));
        let mask = GrayImage::from_fn(width, height, |x, _| Luma([u8::from(x > width / 2) * 3]));
        let example = Example::new(&image, &mask, &mask);
        assert_eq!(example.image.dimensions(), (512, 281));
        assert!(example.truth.pixels().all(|pixel| [0, 3].contains(&pixel[0])), "interpolated class indices");
        let small = Example::new(&RgbImage::new(40, 100), &GrayImage::new(40, 100), &GrayImage::new(40, 100));
        assert_eq!(small.image.dimensions(), (40, 100));
        let sheet = sheet(&[example, small], &unnamed_classes(4), Some(0)).unwrap();
        assert_eq!(sheet.dimensions(), (3 * 512 + 4 * GAP, 281 + 100 + 3 * GAP));
    }

    #[test]
    fn examples_are_spread_over_all_tiles() {
        assert_eq!(evenly_spaced(3, 10), [0, 3, 6]);
        assert_eq!(evenly_spaced(5, 2), [0, 1]);
        assert!(evenly_spaced(5, 0).is_empty());
    }
}
