//! What is measured of every image: the trainer measures the tiles it learns from, the predictor those that
//! come in, by this one function, so that training and serving can't disagree.

use std::sync::LazyLock;

use bcs_contracts::Features;
use bcs_contracts::features::GREY_MEAN;
use image::RgbImage;

use crate::stain::{density, haematoxylin_eosin};

/// Pixels whose mean optical density exceeds this are tissue (0.15 is the threshold of Macenko et al., 2009).
const TISSUE_DENSITY: f32 = 0.15;

/// Measures an image. All values are finite, for an image of any size but zero; names and ranges:
///
/// | feature | what | range |
/// |---|---|---|
/// | `grey_mean`, `grey_std` | value/255 over all pixels and channels, as the predecessor's | [0, 1] |
/// | `red_mean` … `blue_std` | value/255 of a channel | [0, 1] |
/// | `brightness_p05` `_p50` `_p95` | percentiles of luma/255 (ITU-R BT.601) | [0, 1] |
/// | `saturation_mean` | HSV saturation | [0, 1] |
/// | `entropy` | of the luma's histogram, in bits | [0, 8] |
/// | `sharpness` | variance of the luma's Laplacian | ≥ 0 |
/// | `tissue_fraction` | pixels that hold stain | [0, 1] |
/// | `haematoxylin_mean`, `_std`, `eosin_mean`, `_std` | optical density of each stain over the tissue; left out where there is none | ≥ 0 |
pub fn measure(image: &RgbImage, _window: [u32; 2]) -> Features {
    let sums = Sums::over(image);
    let mut features = Features::new();
    let mut put = |name: &str, value: f64| features.insert(name.to_owned(), value);

    let channels = sums.channels.map(|moments| moments.scaled(sums.pixels, 255.0));
    let (grey_mean, grey_std) = sums.grey().scaled(3.0 * sums.pixels, 255.0);
    put(GREY_MEAN, grey_mean);
    put("grey_std", grey_std);
    for (name, (mean, std)) in ["red", "green", "blue"].into_iter().zip(channels) {
        put(&format!("{name}_mean"), mean);
        put(&format!("{name}_std"), std);
    }
    for percent in [5, 50, 95] {
        put(&format!("brightness_p{percent:02}"), percentile(&sums.luma, percent) / 255.0);
    }
    put("saturation_mean", sums.saturation / sums.pixels);
    put("entropy", entropy(&sums.luma));
    put("sharpness", sharpness(image));
    put("tissue_fraction", sums.tissue / sums.pixels);
    if sums.tissue > 0.0 {
        for (name, moments) in ["haematoxylin", "eosin"].into_iter().zip(sums.stains) {
            let (mean, std) = moments.scaled(sums.tissue, 1.0);
            put(&format!("{name}_mean"), mean);
            put(&format!("{name}_std"), std);
        }
    }
    features
}

/// Sum and sum of squares.
#[derive(Clone, Copy, Default)]
struct Moments {
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.squares += value * value;
    }

    /// Mean and (population) standard deviation of `count` values, each divided by `unit`.
    fn scaled(self, count: f64, unit: f64) -> (f64, f64) {
        let mean = self.sum / count;
        let variance = (self.squares / count - mean * mean).max(0.0);
        (mean / unit, variance.sqrt() / unit)
    }
}

/// Everything that one pass over the pixels can gather.
struct Sums {
    pixels: f64,
    channels: [Moments; 3],
    luma: [u64; 256],
    saturation: f64,
    tissue: f64,
    stains: [Moments; 2],
}

impl Sums {
    fn over(image: &RgbImage) -> Self {
        let mut sums = Self {
            pixels: f64::from(image.width()) * f64::from(image.height()),
            channels: Default::default(),
            luma: [0; 256],
            saturation: 0.0,
            tissue: 0.0,
            stains: Default::default(),
        };
        let mut histograms = [[0u64; 256]; 3];
        for pixel in image.pixels() {
            for (histogram, value) in histograms.iter_mut().zip(pixel.0) {
                histogram[usize::from(value)] += 1;
            }
            sums.luma[usize::from(luma(pixel.0))] += 1;
            sums.saturation += f64::from(saturation(pixel.0));
            sums.add_stains(pixel.0);
        }
        // Integers until here: exact, whatever the size of the image.
        sums.channels = histograms.map(|histogram| moments_of(&histogram));
        sums
    }

    fn add_stains(&mut self, pixel: [u8; 3]) {
        let density = density(pixel);
        if density.iter().sum::<f32>() > 3.0 * TISSUE_DENSITY {
            self.tissue += 1.0;
            for (moments, amount) in self.stains.iter_mut().zip(haematoxylin_eosin(density)) {
                moments.add(f64::from(amount));
            }
        }
    }

    fn grey(&self) -> Moments {
        self.channels.iter().fold(Moments::default(), |total, channel| Moments {
            sum: total.sum + channel.sum,
            squares: total.squares + channel.squares,
        })
    }
}

fn moments_of(histogram: &[u64; 256]) -> Moments {
    let weighted = |power: i32| {
        histogram.iter().enumerate().map(|(value, count)| (value as f64).powi(power) * *count as f64).sum()
    };
    Moments { sum: weighted(1), squares: weighted(2) }
}

/// ITU-R BT.601 luma with Pillow's rounding (`convert("L")`).
#[inline]
pub fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000;
    (sum >> 16) as u8
}

/// 1 / value, so that the pass over the pixels need not divide.
static RECIPROCAL: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| if value == 0 { 0.0 } else { 1.0 / value as f32 }));

/// HSV saturation: (max − min) / max, and 0 for black.
#[inline]
fn saturation([red, green, blue]: [u8; 3]) -> f32 {
    let max = red.max(green).max(blue);
    let min = red.min(green).min(blue);
    f32::from(max - min) * RECIPROCAL[usize::from(max)]
}

/// The smallest value that at least `percent` percent of the counts do not exceed.
fn percentile(histogram: &[u64; 256], percent: u64) -> f64 {
    let total: u64 = histogram.iter().sum();
    let wanted = (total * percent).div_ceil(100).max(1);
    let mut seen = 0;
    let value = histogram.iter().position(|count| {
        seen += count;
        seen >= wanted
    });
    value.unwrap_or(255) as f64
}

fn entropy(histogram: &[u64; 256]) -> f64 {
    let total: u64 = histogram.iter().sum();
    let entropy: f64 = histogram
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = *count as f64 / total as f64;
            -share * share.log2()
        })
        .sum();
    entropy.max(0.0)
}

/// Variance of the 4-neighbour Laplacian of the luma, over the pixels that have four neighbours; 0 where none has.
fn sharpness(image: &RgbImage) -> f64 {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let row_of = |y: usize| -> Vec<i32> {
        image.as_raw()[y * width * 3..(y + 1) * width * 3]
            .chunks_exact(3)
            .map(|pixel| i32::from(luma([pixel[0], pixel[1], pixel[2]])))
            .collect()
    };
    let (mut sum, mut squares) = (0i64, 0i64);
    let (mut above, mut row) = (row_of(0), row_of(1));
    for y in 2..height {
        let below = row_of(y);
        for x in 1..width - 1 {
            let laplacian = i64::from(above[x] + below[x] + row[x - 1] + row[x + 1] - 4 * row[x]);
            sum += laplacian;
            squares += laplacian * laplacian;
        }
        above = std::mem::replace(&mut row, below);
    }
    let count = ((width - 2) * (height - 2)) as f64;
    let mean = sum as f64 / count;
    (squares as f64 / count - mean * mean).max(0.0)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_flat_image_has_the_values_one_would_write_down() {
        let features = measure(&RgbImage::from_pixel(32, 16, Rgb([255, 0, 51])), [224, 224]);
        assert!((features[GREY_MEAN] - (1.0 + 0.0 + 0.2) / 3.0).abs() < 1e-12);
        assert_eq!(features["red_mean"], 1.0);
        assert_eq!(features["red_std"], 0.0);
        assert_eq!((features["entropy"], features["sharpness"]), (0.0, 0.0));
        assert_eq!(features["saturation_mean"], 1.0);
    }

    #[test]
    fn white_is_no_tissue_and_has_no_stain() {
        let features = measure(&RgbImage::from_pixel(8, 8, Rgb([255; 3])), [224, 224]);
        assert_eq!(features["tissue_fraction"], 0.0);
        assert!(!features.contains_key("eosin_mean"));
        let pink = measure(&RgbImage::from_pixel(8, 8, Rgb([230, 130, 180])), [224, 224]);
        assert_eq!(pink["tissue_fraction"], 1.0);
        assert!(pink["eosin_mean"] > pink["haematoxylin_mean"]);
        let purple = measure(&RgbImage::from_pixel(8, 8, Rgb([90, 60, 140])), [224, 224]);
        assert!(purple["haematoxylin_mean"] > pink["haematoxylin_mean"]);
    }

    #[test]
    fn percentiles_and_sharpness_follow_the_image() {
        let ramp = RgbImage::from_fn(100, 10, |x, _| Rgb([x as u8; 3]));
        let features = measure(&ramp, [224, 224]);
        assert_eq!(features["brightness_p50"], 49.0 / 255.0);
        assert_eq!(features["brightness_p05"], 4.0 / 255.0);
        assert_eq!(features["sharpness"], 0.0, "a ramp has no curvature");
        let checker =
            measure(&RgbImage::from_fn(20, 20, |x, y| Rgb([((x + y) % 2 * 255) as u8; 3])), [224, 224]);
        assert!(checker["sharpness"] > 1e5);
    }

    #[test]
    fn every_size_is_finite() {
        for (width, height) in [(1, 1), (1, 9), (2, 2), (3, 3)] {
            let features = measure(&RgbImage::new(width, height), [224, 224]);
            assert!(features.values().all(|value| value.is_finite()), "{features:?}");
        }
    }
}
