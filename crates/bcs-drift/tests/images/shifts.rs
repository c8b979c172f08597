//! Shifts of an image, as a change of stain, scanner or software makes them.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ImageFormat, RgbImage};

/// A shift.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shift {
    /// Gaussian blur of this standard deviation, in pixels.
    Blur(f32),
    /// Optical density times this.
    Stain(f32),
    /// Half the magnification: the image has half the size.
    HalfMagnification,
    /// JPEG of this quality.
    Jpeg(u8),
    /// Normal noise of this standard deviation, in grey levels.
    Noise(f32),
}

impl Shift {
    /// Applies the shift.
    pub(crate) fn apply(self, image: &RgbImage) -> RgbImage {
        match self {
            Self::Blur(sigma) => imageops::blur(image, sigma),
            Self::Stain(factor) => map(image, |value, _| 256.0 * ((value + 1.0) / 256.0).powf(factor) - 1.0),
            Self::HalfMagnification => {
                imageops::resize(image, image.width() / 2, image.height() / 2, FilterType::Triangle)
            }
            Self::Jpeg(quality) => {
                let mut bytes = Vec::new();
                JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).expect("JPEG");
                image::load(Cursor::new(bytes), ImageFormat::Jpeg).expect("JPEG").to_rgb8()
            }
            Self::Noise(sigma) => map(image, |value, at| value + sigma * normal(at as u64)),
        }
    }
}

/// Replaces each value by a function of the value and its position.
fn map(image: &RgbImage, value: impl Fn(f32, usize) -> f32) -> RgbImage {
    let mut image = image.clone();
    for (at, byte) in image.iter_mut().enumerate() {
        *byte = value(f32::from(*byte), at).round() as u8;
    }
    image
}

/// About a standard normal variate that depends on a position: the sum of eight bytes of its hash.
fn normal(at: u64) -> f32 {
    let mixed = (at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let sum: f32 = (mixed ^ (mixed >> 31)).to_be_bytes().map(f32::from).iter().sum();
    // Each byte has the mean 127.5 and the variance (256² − 1) / 12.
    (sum - 8.0 * 127.5) / (8.0 * 65_535.0 / 12.0_f32).sqrt()
}
