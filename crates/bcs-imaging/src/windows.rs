//! Positions and pixel weights of the sliding window, as in MONAI's `sliding_window_inference`.

use std::fmt;
use std::str::FromStr;

/// Weights by which overlapping windows are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlendMode {
    /// The same weight for all pixels of a window.
    Constant,
    /// Gaussian weights, which fall towards the edges, where the network sees less context.
    #[default]
    Gaussian,
}

impl FromStr for BlendMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "constant" => Ok(Self::Constant),
            "gaussian" => Ok(Self::Gaussian),
            _ => Err(format!("unknown blend mode '{text}'; known are constant and gaussian")),
        }
    }
}

impl fmt::Display for BlendMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Gaussian => "gaussian",
        })
    }
}

/// Top-left corner of a window, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
}

/// Returns the windows of size `roi` that cover an image, row by row; sizes are (height, width). `overlap`, in [0, 1),
/// is the fraction of a window that it shares with its neighbour, per axis. The last window of a row or column is moved
/// back to end with the image. An image smaller than the window has one window, at the origin, which extends beyond it.
pub fn positions(image: [usize; 2], roi: [usize; 2], overlap: [f64; 2]) -> Vec<Window> {
    let [rows, columns] = std::array::from_fn(|axis| starts(image[axis], roi[axis], overlap[axis]));
    rows.iter().flat_map(|&y| columns.iter().map(move |&x| Window { y, x })).collect()
}

/// Returns the start of each window along one axis; [`positions`] has every combination of the two axes.
pub fn starts(image: usize, roi: usize, overlap: f64) -> Vec<usize> {
    let image = image.max(roi);
    // MONAI's scan interval: the part of a window without overlap, at least one pixel.
    let interval = if roi == image { roi } else { (roi as f64 * (1.0 - overlap)) as usize }.max(1);
    let last = image - roi;
    let whole_steps = last.div_ceil(interval);
    (0..=whole_steps).map(|index| (index * interval).min(last)).collect()
}

/// Returns the weight of each pixel of a window, row by row, as MONAI's `compute_importance_map`: 1 everywhere, or a
/// Gaussian that is 1 in the centre and at least 0.001. Its standard deviation is `sigma_scale`, greater than 0, times
/// the side of the window, per axis.
pub fn importance_map(roi: [usize; 2], mode: BlendMode, sigma_scale: [f64; 2]) -> Vec<f32> {
    if mode == BlendMode::Constant {
        return vec![1.0; roi[0] * roi[1]];
    }
    let [rows, columns] =
        std::array::from_fn(|axis| gaussian(roi[axis], sigma_scale[axis] * roi[axis] as f64));
    let map: Vec<f32> = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)).collect();
    let floor = map.iter().copied().fold(f32::INFINITY, f32::min).max(1e-3);
    map.into_iter().map(|weight| weight.max(floor)).collect()
}

/// `length` samples of a Gaussian around the centre, where it is 1.
fn gaussian(length: usize, sigma: f64) -> Vec<f32> {
    let centre = (length as f64 - 1.0) / 2.0;
    (0..length)
        .map(|index| {
            let distance = (index as f64 - centre) as f32;
            (distance * distance / (-2.0 * sigma * sigma) as f32).exp()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_match_monai() {
        // monai.data.utils.dense_patch_slices with the interval of monai.inferers.utils._get_scan_interval.
        let ys = |image, roi, overlap| starts(image, roi, overlap);
        assert_eq!(ys(500, 224, 0.25), [0, 168, 276]);
        assert_eq!(ys(224, 224, 0.25), [0]);
        assert_eq!(ys(100, 224, 0.25), [0]);
        assert_eq!(ys(560, 224, 0.25), [0, 168, 336]);
        assert_eq!(ys(225, 224, 0.5), [0, 1]);
        assert_eq!(ys(10, 3, 0.9), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn weights_match_monai() {
        // monai.data.utils.compute_importance_map((4, 6), mode="gaussian").
        let map = importance_map([4, 6], BlendMode::Gaussian, [0.125; 2]);
        let half = [[0.001, 0.001_503_439_2, 0.008_895_389], [0.002_344_799_7, 0.082_085, 0.485_671_8]];
        for (row, expected) in map.chunks(6).zip(half) {
            assert!(row.iter().zip(expected).all(|(weight, monai)| (weight - monai).abs() < 1e-7), "{row:?}");
            assert!(row.iter().eq(row.iter().rev()));
        }
        // monai.data.utils.compute_importance_map((3, 4), mode="gaussian", sigma_scale=(0.5, 0.25)).
        let map = importance_map([3, 4], BlendMode::Gaussian, [0.5, 0.25]);
        let expected = [0.259_961_37, 0.706_648_2, 0.706_648_2, 0.259_961_37, 0.324_652_46, 0.882_496_9];
        assert!(map.iter().zip(expected).all(|(weight, monai)| (weight - monai).abs() < 1e-7), "{map:?}");
        assert_eq!(importance_map([2, 2], BlendMode::Constant, [0.125; 2]), [1.0; 4]);
    }

    proptest! {
        #[test]
        fn every_pixel_is_covered_and_no_window_leaves_the_image(
            height in 1usize..300, width in 1usize..300, roi_h in 1usize..120, roi_w in 1usize..120,
            overlap in proptest::array::uniform2(0.0f64..0.95),
        ) {
            let mut covered = vec![false; height * width];
            for window in positions([height, width], [roi_h, roi_w], overlap) {
                prop_assert!(window.y + roi_h <= height.max(roi_h) && window.x + roi_w <= width.max(roi_w));
                for y in window.y..(window.y + roi_h).min(height) {
                    covered[y * width..][window.x..(window.x + roi_w).min(width)].fill(true);
                }
            }
            prop_assert!(covered.into_iter().all(|c| c));
        }
    }
}
