//! Image features: what drift is measured on. The trainer measures the tiles of the drift reference and the predictor
//! the images of its records with this one function, so that the two agree.
//!
//! # Layout
//! - `window`: all features of one window
//!
//! What they are measured on:
//! - `cells`: cells of 4×4 pixels
//! - `octaves`: energy in octaves of spatial frequency
//! - `plane`: one channel of a window
//! - `statistics`: moments, percentiles and entropy from histograms
//!
//! One feature each:
//! - `blockiness`, `focus`, `noise`, `sharpness`, `spectral_slope`: texture
//! - `bubbles`, `dark_spots`, `folds`, `pen`: artefacts
//! - `nuclear_size`, `stain_angle`: tissue

mod blockiness;
mod bubbles;
mod cells;
mod dark_spots;
mod focus;
mod folds;
mod noise;
mod nuclear_size;
mod octaves;
mod pen;
mod plane;
mod sharpness;
mod spectral_slope;
mod stain_angle;
mod statistics;
mod window;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;

use bcs_contracts::Features;
use image::RgbImage;

use crate::error::Error;
use crate::raster::{Raster, Rows};
use crate::windows::{self, Window};

/// Overlap of the windows, as a fraction of their size. Without overlap every pixel counts once (those that the last
/// window of a row or column shares with its neighbour count twice), and the cost is that of one pass over the image;
/// overlapping windows would count the middle of the image more often than its border, at several times the cost.
const OVERLAP: [f64; 2] = [0.0; 2];

/// Measures an image in windows of the size (height, width) that the model takes, and averages each feature over the
/// windows that have it.
///
/// The features of a region are thus those of the tiles it could be cut into, and do not depend on its size. Windows
/// do not overlap; the last of a row or column is moved back to end with the image. An image that is smaller than
/// the window is a window of its own.
///
/// Features of all pixels of a window:
///
/// | feature | meaning | range |
/// |---|---|---|
/// | `grey_mean`, `grey_std` | value / 255 over pixels and channels; `grey_mean` is the one feature of the predecessor | [0, 1] |
/// | `entropy` | entropy of the luma histogram, in bits | [0, 8] |
/// | `sharpness` | variance of the Laplacian of the luma, in grey levels squared | ≥ 0 |
/// | `focus` | energy of details of 2 pixels relative to those of 4, without noise | > 0 |
/// | `noise` | standard deviation of the noise, in grey levels (Immerkær, 1996) | ≥ 0 |
/// | `blockiness` | steps across the edges of JPEG's blocks relative to those inside (Wang et al., 2002) | ≥ 1 |
/// | `spectral_slope` | exponent α of the power spectrum f^−α (Field, 1987) | about 0 to 5 |
/// | `tissue_fraction` | fraction of pixels with a mean optical density above 0.15 (Macenko et al., 2009) | [0, 1] |
/// | `pen_fraction`, `fold_fraction`, `bubble_fraction`, `dark_fraction` | fraction under ink, folded tissue, air bubbles and dark spots (after HistoQC, Janowczyk et al., 2019) | [0, 1] |
///
/// Features of the tissue pixels alone, which a window with less than 5 % tissue does not have:
///
/// | feature | meaning | range |
/// |---|---|---|
/// | `red_mean`, `red_std`, … `blue_std` | value / 255 of a channel | [0, 1] |
/// | `brightness_p05`, `_p50`, `_p95` | percentiles of luma / 255 (ITU-R BT.601) | [0, 1] |
/// | `saturation_mean` | HSV saturation | [0, 1] |
/// | `haematoxylin_mean`, `_std`, `eosin_mean`, `_std` | optical density of each stain (Ruifrok and Johnston, 2001) | ≥ 0 |
/// | `stain_angle` | angle between haematoxylin and eosin in optical density, in degrees (Macenko et al., 2009) | [0, 180] |
/// | `nuclear_size` | mean chord through what is dark in red, in pixels (Serra, 1982) | ≥ 2 |
///
/// Windows of less than 18 pixels a side lack some features of texture. Standard deviations are those of the population. All values are finite. An image without pixels has no features.
pub fn measure(image: &RgbImage, window: [u32; 2]) -> Features {
    let size = [image.height() as usize, image.width() as usize];
    let Ok(features) = average(size, window, |_| Ok::<_, Infallible>(Rows::Whole(image)));
    features
}

/// Measures a raster as [`measure`] does an image, a row of windows at a time.
///
/// # Errors
/// Those of [`Raster::rows`].
pub fn measure_raster(raster: &Raster, window: [u32; 2]) -> Result<Features, Error> {
    average(raster.size(), window, |rows| raster.rows(rows))
}

/// Returns the number of windows that the features of an image of this size (height, width) are the means of.
pub fn windows(size: [usize; 2], window: [usize; 2]) -> usize {
    windows::positions(size, window.map(|side| side.max(1)), OVERLAP).len()
}

fn average<'a, E>(
    size: [usize; 2],
    window: [u32; 2],
    rows: impl Fn(Range<usize>) -> Result<Rows<'a>, E>,
) -> Result<Features, E> {
    if size.contains(&0) {
        return Ok(Features::new());
    }
    let window = window.map(|side| side.max(1) as usize);
    let [tops, lefts] = std::array::from_fn(|axis| windows::starts(size[axis], window[axis], OVERLAP[axis]));
    let mut totals = BTreeMap::<&str, (f64, u32)>::new();
    for top in tops {
        let rows = rows(top..top + window[0])?;
        for x in &lefts {
            for (name, value) in window::measure(rows.image(), Window { y: top - rows.top(), x: *x }, window)
            {
                let (sum, count) = totals.entry(name).or_default();
                *sum += value;
                *count += 1;
            }
        }
    }
    Ok(totals.into_iter().map(|(name, (sum, count))| (name.to_owned(), sum / f64::from(count))).collect())
}

#[cfg(test)]
mod tests {
    use bcs_contracts::features::GREY_MEAN;
    use image::{GenericImageView, Rgb};
    use proptest::prelude::*;

    use super::*;

    const WINDOW: [u32; 2] = [224, 224];
    const WHITE: Rgb<u8> = Rgb([255; 3]);
    const PINK: Rgb<u8> = Rgb([230, 130, 180]);

    #[test]
    fn features_of_a_uniform_image_are_its_color() {
        let features = measure(&RgbImage::from_pixel(32, 16, Rgb([255, 0, 51])), WINDOW);
        assert!((features[GREY_MEAN] - (1.0 + 0.0 + 0.2) / 3.0).abs() < 1e-12);
        assert_eq!(features["red_mean"], 1.0);
        assert_eq!(features["red_std"], 0.0);
        assert_eq!((features["entropy"], features["sharpness"]), (0.0, 0.0));
        assert_eq!(features["saturation_mean"], 1.0);
    }

    #[test]
    fn stains_are_separated() {
        let pink = measure(&RgbImage::from_pixel(8, 8, PINK), WINDOW);
        assert_eq!(pink["tissue_fraction"], 1.0);
        assert!(pink["eosin_mean"] > pink["haematoxylin_mean"]);
        let purple = measure(&RgbImage::from_pixel(8, 8, Rgb([90, 60, 140])), WINDOW);
        assert!(purple["haematoxylin_mean"] > pink["haematoxylin_mean"]);
    }

    #[test]
    fn percentiles_and_sharpness_follow_the_image() {
        let ramp = RgbImage::from_fn(100, 10, |x, _| Rgb([x as u8; 3]));
        let features = measure(&ramp, WINDOW);
        assert_eq!(features["brightness_p50"], 49.0 / 255.0);
        assert_eq!(features["brightness_p05"], 4.0 / 255.0);
        assert_eq!(features["sharpness"], 0.0, "a ramp has no curvature");
        let checker = RgbImage::from_fn(20, 20, |x, y| Rgb([((x + y) % 2 * 255) as u8; 3]));
        assert!(measure(&checker, WINDOW)["sharpness"] > 1e5);
    }

    /// Pink tissue in the leftmost `columns` of 100 columns, white glass in the others.
    fn partly_tissue(columns: u32) -> Features {
        measure(&RgbImage::from_fn(100, 50, |x, _| if x < columns { PINK } else { WHITE }), WINDOW)
    }

    #[test]
    fn color_and_stain_do_not_depend_on_the_background() {
        let (full, half) = (partly_tissue(100), partly_tissue(50));
        assert_eq!((full["tissue_fraction"], half["tissue_fraction"]), (1.0, 0.5));
        assert!(half[GREY_MEAN] > full[GREY_MEAN], "grey_mean is over all pixels");
        let of_tissue = |name: &&String| {
            let prefixes = ["red", "green", "blue", "brightness", "saturation", "haematoxylin", "eosin"];
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        let names: Vec<&String> = full.keys().filter(of_tissue).collect();
        assert_eq!(names.len(), 14);
        for name in names {
            assert!((full[name] - half[name]).abs() < 1e-12, "{name}: {} and {}", full[name], half[name]);
        }
    }

    #[test]
    fn a_window_with_hardly_any_tissue_has_neither_color_nor_stain() {
        let names = |columns| partly_tissue(columns).into_keys().collect::<Vec<_>>();
        let of_all_pixels = [
            "blockiness",
            "bubble_fraction",
            "dark_fraction",
            "entropy",
            "focus",
            "fold_fraction",
            "grey_mean",
            "grey_std",
            "noise",
            "pen_fraction",
            "sharpness",
            "spectral_slope",
            "tissue_fraction",
        ];
        assert_eq!(names(4), of_all_pixels);
        assert_eq!(names(0), of_all_pixels);
        // One pale colour has neither nuclei nor stain vectors.
        assert_eq!(names(5).len(), of_all_pixels.len() + 14);
    }

    #[test]
    fn background_windows_do_not_dilute_the_color_of_the_others() {
        let tissue = RgbImage::from_pixel(50, 50, PINK);
        let mut region = RgbImage::from_pixel(50, 200, WHITE);
        image::imageops::replace(&mut region, &tissue, 0, 50);
        let (tissue, region) = (measure(&tissue, [50, 50]), measure(&region, [50, 50]));
        assert_eq!(region["tissue_fraction"], 0.25);
        assert_eq!(region["eosin_mean"], tissue["eosin_mean"]);
    }

    #[test]
    fn an_image_of_any_size_has_finite_features() {
        for (width, height) in [(1, 1), (1, 9), (2, 2), (3, 3), (7, 300), (225, 1)] {
            for window in [WINDOW, [1, 1], [0, 0]] {
                let features = measure(&RgbImage::new(width, height), window);
                assert!(features.len() >= 19, "{features:?}");
                assert!(features.values().all(|value| value.is_finite()), "{features:?}");
            }
        }
        assert!(measure(&RgbImage::new(0, 5), WINDOW).is_empty());
    }

    /// Noise with areas of glass, so that windows differ and some lack tissue.
    fn noisy(width: u32, height: u32, seed: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let hash = (x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663) ^ seed)
                .wrapping_mul(2_654_435_761)
                .to_be_bytes();
            if (x / 16 + y / 16 + seed).is_multiple_of(3) {
                WHITE
            } else {
                Rgb([hash[0], hash[1] / 2, hash[2]])
            }
        })
    }

    proptest! {
        #[test]
        fn features_of_an_image_are_the_mean_of_its_windows(
            width in 1u32..70, height in 1u32..70, window in [1u32..40, 1u32..40], seed in 0u32..1000,
        ) {
            let image = noisy(width, height, seed);
            let crops: Vec<Features> =
                windows::positions([height as usize, width as usize], window.map(|side| side as usize), OVERLAP)
                    .into_iter()
                    .map(|at| {
                        let (x, y) = (at.x as u32, at.y as u32);
                        let (width, height) = (window[1].min(width - x), window[0].min(height - y));
                        measure(&image.view(x, y, width, height).to_image(), WINDOW)
                    })
                    .collect();
            for (name, value) in measure(&image, window) {
                let values: Vec<f64> = crops.iter().filter_map(|crop| crop.get(&name).copied()).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                prop_assert!((value - mean).abs() <= 1e-9 * mean.abs().max(1.0), "{}: {} and {}", name, value, mean);
            }
        }
    }
}
