//! Small pictures of images and masks, for pages that embed them.

use bcs_contracts::Color;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, GrayImage, ImageEncoder, Rgb, RgbImage};

use crate::encode::png;
use crate::error::Error;

/// JPEG quality, of 100: a few kilobytes a picture.
const JPEG_QUALITY: u8 = 70;

/// Colour of a code without one.
const UNKNOWN: Color = Color([153, 153, 153]);

/// Returns an image as JPEG whose longer side has at most `side` pixels.
///
/// # Errors
/// [`Error::Encode`] if the encoder fails, as for an image without pixels.
pub fn of_image(image: &RgbImage, side: u32) -> Result<Vec<u8>, Error> {
    let (width, height) = size(image.dimensions(), side);
    let small = imageops::thumbnail(image, width, height);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(small.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(|error| Error::Encode { format: "jpeg", reason: error.to_string() })?;
    Ok(bytes)
}

/// Returns a mask in the colours of its codes, as PNG whose longer side has at most `side` pixels.
///
/// # Errors
/// As [`of_image`].
pub fn of_mask(mask: &GrayImage, colors: &[(u8, Color)], side: u32) -> Result<Vec<u8>, Error> {
    let (width, height) = size(mask.dimensions(), side);
    let small = imageops::resize(mask, width, height, FilterType::Nearest);
    let color =
        |code: u8| colors.iter().find(|(known, _)| *known == code).map_or(UNKNOWN, |(_, color)| *color);
    png(&RgbImage::from_fn(width, height, |x, y| Rgb(color(small.get_pixel(x, y).0[0]).0)))
}

/// Width and height within `side`, in the same proportion.
fn size((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    let scaled = |length: u32| {
        let scaled = u64::from(length) * u64::from(side) / u64::from(longest);
        length.min(u32::try_from(scaled).unwrap_or(side)).max(1)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;
    use crate::decode::{Limits, decode};

    #[test]
    fn images_become_small_in_the_same_proportion() {
        let image = RgbImage::from_fn(400, 200, |x, _| Rgb([(x / 2) as u8, 90, 160]));
        let bytes = of_image(&image, 96).unwrap();
        let small = decode(&bytes, Limits::default()).unwrap();
        assert_eq!((small.format, small.rgb.dimensions()), ("jpeg", (96, 48)));
        assert!(bytes.len() < 3_000, "{}", bytes.len());
        let tiny = decode(&of_image(&RgbImage::new(5, 9), 96).unwrap(), Limits::default()).unwrap();
        assert_eq!(tiny.rgb.dimensions(), (5, 9));
        assert_eq!(size((30_000, 1), 96), (96, 1));
    }

    #[test]
    fn masks_have_the_colours_of_their_codes() {
        let mask = GrayImage::from_fn(200, 100, |x, _| Luma([if x < 100 { 7 } else { 9 }]));
        let bytes = of_mask(&mask, &[(7, Color([1, 2, 3]))], 50).unwrap();
        let small = decode(&bytes, Limits::default()).unwrap().rgb;
        assert_eq!(small.dimensions(), (50, 25));
        assert_eq!((small.get_pixel(0, 0).0, small.get_pixel(49, 24).0), ([1, 2, 3], UNKNOWN.0));
    }
}
