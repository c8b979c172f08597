//! Changes of tiles, at three strengths each.

use std::io::Cursor;

use bcs_imaging::stain;
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{DynamicImage, Rgb, RgbImage, imageops};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Amount of eosin, times the strength.
    Stain,
    /// Gamma of the scanner.
    Gamma,
    /// Gaussian blur, σ in pixels.
    Blur,
    /// JPEG compression, quality.
    Jpeg,
    /// Gaussian noise, σ in grey levels.
    Noise,
    /// Pixel size, times the strength.
    Magnification,
    /// Share of the tiles that are exchanged for those with the most tumour.
    TumourShare,
    /// Pixel values, times the strength.
    Brightness,
}

/// All kinds with their name and strengths.
pub(crate) const SHIFTS: [(Kind, &str, [f64; 3]); 8] = [
    (Kind::Stain, "eosin ×", [0.85, 0.7, 0.5]),
    (Kind::Gamma, "scanner gamma", [1.1, 1.25, 1.5]),
    (Kind::Blur, "blur, σ in px", [0.5, 1.0, 2.0]),
    (Kind::Jpeg, "JPEG quality", [70.0, 40.0, 20.0]),
    (Kind::Noise, "noise, σ of 255", [4.0, 8.0, 16.0]),
    (Kind::Magnification, "pixel size ×", [1.25, 1.5, 2.0]),
    (Kind::TumourShare, "tumour tiles", [0.25, 0.5, 1.0]),
    (Kind::Brightness, "brightness ×", [1.05, 1.1, 1.2]),
];

/// Changes the pixels of a tile; [`Kind::Magnification`] and [`Kind::TumourShare`] are not changes of pixels.
pub(crate) fn changed(tile: &RgbImage, kind: Kind, strength: f64, seed: u64) -> RgbImage {
    match kind {
        Kind::Stain => each_pixel(tile, |pixel| less_eosin(pixel, strength as f32)),
        Kind::Gamma => each_value(tile, |value| 255.0 * (value / 255.0).powf(strength)),
        Kind::Blur => imageops::blur(tile, strength as f32),
        Kind::Jpeg => compressed(tile, strength as u8),
        Kind::Noise => noisy(tile, strength, seed),
        Kind::Brightness => each_value(tile, |value| value * strength),
        Kind::Magnification | Kind::TumourShare => tile.clone(),
    }
}

fn each_pixel(tile: &RgbImage, change: impl Fn([u8; 3]) -> [u8; 3]) -> RgbImage {
    let mut changed = tile.clone();
    changed.pixels_mut().for_each(|pixel| *pixel = Rgb(change(pixel.0)));
    changed
}

fn each_value(tile: &RgbImage, change: impl Fn(f64) -> f64) -> RgbImage {
    let values: [u8; 256] = std::array::from_fn(|value| change(value as f64).round().clamp(0.0, 255.0) as u8);
    each_pixel(tile, |pixel| pixel.map(|value| values[usize::from(value)]))
}

fn less_eosin(pixel: [u8; 3], factor: f32) -> [u8; 3] {
    let density = stain::density(pixel);
    let [_, eosin] = stain::haematoxylin_eosin(density);
    let [_, vector] = stain::vectors();
    std::array::from_fn(|channel| stain::value(density[channel] + (factor - 1.0) * eosin * vector[channel]))
}

fn compressed(tile: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(tile).expect("a tile fits into JPEG");
    let decoder = JpegDecoder::new(Cursor::new(bytes)).expect("it was just encoded");
    DynamicImage::from_decoder(decoder).expect("it was just encoded").into_rgb8()
}

fn noisy(tile: &RgbImage, deviation: f64, seed: u64) -> RgbImage {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut changed = tile.clone();
    for pixel in changed.pixels_mut() {
        for value in &mut pixel.0 {
            // Variance 1: the sum of four uniform numbers has 1/3.
            let noise = ((0..4).map(|_| random.random::<f64>()).sum::<f64>() - 2.0) * 3.0_f64.sqrt();
            *value = (f64::from(*value) + deviation * noise).round().clamp(0.0, 255.0) as u8;
        }
    }
    changed
}
