//! Encoding of images and masks as PNG and JPEG.

pub(crate) mod bands;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage};

use crate::error::Error;

/// JPEG quality, of 100: high enough that stain detail survives and blocks are not visible.
const JPEG_QUALITY: u8 = 92;

/// Encodes an image as PNG.
///
/// # Errors
/// [`Error::Encode`] if the encoder fails, as for an image without pixels.
pub fn png(image: &RgbImage) -> Result<Vec<u8>, Error> {
    write_png(image.as_raw(), image.dimensions(), ExtendedColorType::Rgb8, FilterType::Adaptive)
}

/// Encodes a mask as 8-bit grayscale PNG, one class code per pixel.
///
/// # Errors
/// [`Error::Encode`] if the encoder fails, as for an image without pixels.
pub fn mask_png(mask: &GrayImage) -> Result<Vec<u8>, Error> {
    // Masks are mostly uniform areas, which compress best without a filter.
    write_png(mask.as_raw(), mask.dimensions(), ExtendedColorType::L8, FilterType::NoFilter)
}

/// Encodes numbers in [0, 1] as 16-bit grayscale PNG, in which 65535 is 1. Numbers out of range are limited to it.
///
/// # Errors
/// [`Error::Encode`] if the encoder fails, as for an image without pixels.
pub fn unit_png(values: &[f32], size: (u32, u32)) -> Result<Vec<u8>, Error> {
    let scaled = values.iter().map(|value| (value.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16);
    // The encoder takes the byte order of the machine.
    let bytes: Vec<u8> = scaled.flat_map(u16::to_ne_bytes).collect();
    write_png(&bytes, size, ExtendedColorType::L16, FilterType::Adaptive)
}

fn write_png(
    pixels: &[u8],
    (width, height): (u32, u32),
    color: ExtendedColorType,
    filter: FilterType,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(pixels.len() / 2);
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, filter)
        .write_image(pixels, width, height, color)
        .map_err(|error| Error::Encode { format: "png", reason: error.to_string() })?;
    Ok(bytes)
}

/// Encodes an image as JPEG.
///
/// # Errors
/// [`Error::Encode`] if the encoder fails, as for an image without pixels.
pub fn jpeg(image: &RgbImage) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(image.as_raw().len() / 8);
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|error| Error::Encode { format: "jpeg", reason: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;
    use crate::decode::{Limits, decode, decode_mask};

    #[test]
    fn png_is_lossless_and_jpeg_is_close() {
        let image = RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, 128]));
        assert_eq!(decode(&png(&image).unwrap(), Limits::default()).unwrap().rgb, image);
        let close = decode(&jpeg(&image).unwrap(), Limits::default()).unwrap();
        assert_eq!((close.format, close.rgb.dimensions()), ("jpeg", (40, 30)));
        let mask = GrayImage::from_fn(40, 30, |x, y| Luma([(x / 9 + y / 11) as u8]));
        assert_eq!(decode_mask(&mask_png(&mask).unwrap(), Limits::default()).unwrap(), mask);
    }

    #[test]
    fn numbers_from_0_to_1_have_16_bits() {
        let bytes = unit_png(&[0.0, 0.5, 1.0, 1.5], (2, 2)).unwrap();
        let image = image::load_from_memory(&bytes).unwrap().into_luma16();
        assert_eq!(image.as_raw(), &[0, 32768, 65535, 65535]);
    }
}
