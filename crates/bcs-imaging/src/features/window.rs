//! The features of one window of an image.

use std::sync::LazyLock;

use bcs_contracts::features::GREY_MEAN;
use image::RgbImage;

use super::blockiness::blockiness;
use super::bubbles::bubble_fraction;
use super::cells::{Cell, cells};
use super::dark_spots::dark_fraction;
use super::focus::focus;
use super::folds::fold_fraction;
use super::noise::noise;
use super::nuclear_size::nuclear_size;
use super::octaves::octaves;
use super::pen::pen_fraction;
use super::plane::Plane;
use super::sharpness::sharpness;
use super::spectral_slope::spectral_slope;
use super::stain_angle::stain_angle;
use super::statistics::{Moments, entropy, percentile};
use crate::stain::{FIXED, FIXED_STEPS};
use crate::windows::Window;

/// Mean optical density above which a pixel is tissue (Macenko et al., 2009).
const TISSUE_DENSITY: f32 = 0.15;

/// Least fraction of tissue with which a window has colour and stain features. 5 % of a 224×224 tile are 2,500
/// pixels, the area of about two nuclei at 0.25 µm/px; fewer are mostly specks and the blurred rims of holes, whose
/// colour is a mixture of tissue and glass, so that their mean would say more about the background than the stain.
const LEAST_TISSUE: f64 = 0.05;

/// Features by name; those that a window does not have are left out.
type Named = Vec<(&'static str, f64)>;

/// Measures the part of a window that lies within the image: at least one pixel.
pub(super) fn measure(image: &RgbImage, origin: Window, [height, width]: [usize; 2]) -> Named {
    let rows = rows(image, origin, height, width);
    let luma = luma_plane(&rows);
    let tissue = Tissue::over(&rows, &luma);
    let area = luma.values.len() as f64;

    let (grey_mean, grey_std) = grey(&rows).mean_and_std();
    let mut features = vec![
        (GREY_MEAN, grey_mean / 255.0),
        ("grey_std", grey_std / 255.0),
        ("entropy", entropy(&histogram(&luma.values))),
        ("tissue_fraction", tissue.count as f64 / area),
    ];
    let cells = cells(&rows, &luma);
    add_texture(&luma, &mut features);
    add_artefacts(&cells, &mut features);
    if tissue.count as f64 >= LEAST_TISSUE * area {
        tissue.add_features(&mut features);
        features.extend(stain_angle(&cells).map(|angle| ("stain_angle", angle)));
        features.extend(nuclear_size(&rows, &tissue.channels[0]).map(|size| ("nuclear_size", size)));
    }
    features
}

/// Adds focus, noise, compression and the power spectrum.
fn add_texture(luma: &Plane, features: &mut Named) {
    let noise = noise(luma);
    features.push(("sharpness", sharpness(luma)));
    features.extend(noise.map(|level| ("noise", level)));
    features.extend(blockiness(luma).map(|ratio| ("blockiness", ratio)));
    if let Some(octaves) = octaves(luma) {
        features.push(("spectral_slope", spectral_slope(&octaves)));
        features.extend(noise.map(|level| ("focus", focus(&octaves, level))));
    }
}

/// Adds the area of what is not tissue.
fn add_artefacts(cells: &[Cell], features: &mut Named) {
    let artefacts = [
        ("pen_fraction", pen_fraction(cells)),
        ("fold_fraction", fold_fraction(cells)),
        ("bubble_fraction", bubble_fraction(cells)),
        ("dark_fraction", dark_fraction(cells)),
    ];
    features.extend(artefacts.into_iter().filter_map(|(name, value)| Some((name, value?))));
}

/// The window's rows, three bytes per pixel.
fn rows(image: &RgbImage, origin: Window, height: usize, width: usize) -> Vec<&[u8]> {
    let (image_width, image_height) = (image.width() as usize, image.height() as usize);
    let columns = 3 * origin.x..3 * (origin.x + width).min(image_width);
    image
        .as_raw()
        .chunks_exact(3 * image_width)
        .take((origin.y + height).min(image_height))
        .skip(origin.y)
        .map(|row| &row[columns.clone()])
        .collect()
}

fn pixels(row: &[u8]) -> impl Iterator<Item = [u8; 3]> {
    row.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]])
}

fn luma_plane(rows: &[&[u8]]) -> Plane {
    let mut values = Vec::with_capacity(rows.iter().map(|row| row.len() / 3).sum());
    for row in rows {
        values.extend(pixels(row).map(luma));
    }
    Plane { width: rows[0].len() / 3, values }
}

/// Number of squared bytes whose sum fits in 32 bits, so that the processor adds several at once.
const SPAN: usize = 1 << 16;

/// Moments of all values of all channels.
fn grey(rows: &[&[u8]]) -> Moments {
    let (mut count, mut sum, mut squares) = (0, 0_u64, 0_u64);
    for span in rows.iter().flat_map(|row| row.chunks(SPAN)) {
        count += span.len();
        sum += u64::from(span.iter().map(|value| u32::from(*value)).sum::<u32>());
        squares += u64::from(span.iter().map(|value| u32::from(*value) * u32::from(*value)).sum::<u32>());
    }
    Moments { count: count as f64, sum: sum as f64, squares: squares as f64 }
}

fn histogram(values: &[u8]) -> [u64; 256] {
    let mut histogram = [0; 256];
    for value in values {
        histogram[usize::from(*value)] += 1;
    }
    histogram
}

/// Sums over the tissue pixels of a window.
struct Tissue {
    count: u64,
    /// Histogram of each channel: counting a byte is cheaper than adding it and its square.
    channels: [[u64; 256]; 3],
    luma: [u64; 256],
    /// In steps of [`SATURATION_STEPS`].
    saturation: u64,
    /// Sum and sum of squares of each stain, in steps of [`FIXED_STEPS`].
    stains: [[u64; 2]; 2],
}

impl Tissue {
    fn over(rows: &[&[u8]], luma: &Plane) -> Self {
        let mut tissue =
            Self { count: 0, channels: [[0; 256]; 3], luma: [0; 256], saturation: 0, stains: [[0; 2]; 2] };
        let ([red, green, blue], reciprocals) = (&*FIXED, &*RECIPROCAL);
        let threshold = (3.0 * TISSUE_DENSITY * FIXED_STEPS) as i32;
        for (row, luma) in rows.iter().zip(luma.rows()) {
            for (pixel, luma) in pixels(row).zip(luma) {
                let [r, g, b] = pixel.map(usize::from);
                let parts: [i32; 4] = std::array::from_fn(|at| red[r][at] + green[g][at] + blue[b][at]);
                if parts[0] > threshold {
                    tissue.add(pixel, *luma, [parts[1], parts[2]], reciprocals);
                }
            }
        }
        tissue
    }

    #[inline]
    fn add(&mut self, pixel: [u8; 3], luma: u8, stains: [i32; 2], reciprocals: &[u32; 256]) {
        self.count += 1;
        self.luma[usize::from(luma)] += 1;
        for (histogram, value) in self.channels.iter_mut().zip(pixel) {
            histogram[usize::from(value)] += 1;
        }
        self.saturation += u64::from(saturation(pixel, reciprocals));
        for (sums, amount) in self.stains.iter_mut().zip(stains) {
            let amount = u64::from(amount.max(0).unsigned_abs());
            sums[0] += amount;
            sums[1] += amount * amount;
        }
    }

    /// Mean and standard deviation of values in steps, of which there are `steps` in a unit.
    fn mean_and_std(&self, [sum, squares]: [u64; 2], steps: f64) -> [f64; 2] {
        let moments = Moments { count: self.count as f64, sum: sum as f64, squares: squares as f64 };
        let (mean, std) = moments.mean_and_std();
        [mean / steps, std / steps]
    }

    fn add_features(&self, features: &mut Named) {
        let channels = [("red_mean", "red_std"), ("green_mean", "green_std"), ("blue_mean", "blue_std")];
        for ((mean_name, std_name), histogram) in channels.into_iter().zip(&self.channels) {
            let (mean, std) = Moments::of(histogram).mean_and_std();
            features.extend([(mean_name, mean / 255.0), (std_name, std / 255.0)]);
        }
        let stains = [("haematoxylin_mean", "haematoxylin_std"), ("eosin_mean", "eosin_std")];
        for ((mean_name, std_name), sums) in stains.into_iter().zip(self.stains) {
            let [mean, std] = self.mean_and_std(sums, f64::from(FIXED_STEPS));
            features.extend([(mean_name, mean), (std_name, std)]);
        }
        for (name, percent) in [("brightness_p05", 5), ("brightness_p50", 50), ("brightness_p95", 95)] {
            features.push((name, percentile(&self.luma, percent) / 255.0));
        }
        let saturation = self.saturation as f64 / f64::from(SATURATION_STEPS);
        features.push(("saturation_mean", saturation / self.count as f64));
    }
}

/// ITU-R BT.601 luma, rounded as Pillow's `convert("L")` does.
#[inline]
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000;
    (sum >> 16) as u8
}

/// Steps in a saturation of 1.
const SATURATION_STEPS: u32 = 1 << 20;

/// Reciprocals of the byte values in steps, 0 for 0: a table look-up is cheaper than a division per pixel.
static RECIPROCAL: LazyLock<[u32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|value| if value == 0 { 0 } else { SATURATION_STEPS.div_ceil(value as u32) })
});

/// HSV saturation, (max − min) / max, in steps; 0 for black.
#[inline]
fn saturation([red, green, blue]: [u8; 3], reciprocals: &[u32; 256]) -> u32 {
    let max = red.max(green).max(blue);
    let min = red.min(green).min(blue);
    (u32::from(max - min) * reciprocals[usize::from(max)]).min(SATURATION_STEPS)
}
