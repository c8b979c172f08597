//! Images of any size through windows of one, as MONAI's `sliding_window_inference`: logits of overlapping
//! windows are blended by their weights. Memory is the windows of one batch and one accumulator, whatever the
//! image.

use bcs_imaging::windows::{BlendMode, Window, importance_map, positions};
use image::RgbImage;

use crate::engine::Engine;
use crate::error::Error;

/// How windows slide.
#[derive(Debug, Clone, Copy)]
pub struct SlidingWindow {
    /// The share of a window that its neighbour covers too. In [0, 1).
    pub overlap: f64,
    /// How overlapping windows are blended.
    pub mode: BlendMode,
    /// Windows that run together.
    pub batch: usize,
}

impl Default for SlidingWindow {
    /// MONAI's overlap of a quarter, with Gaussian weights.
    fn default() -> Self {
        Self { overlap: 0.25, mode: BlendMode::Gaussian, batch: 4 }
    }
}

/// What a network gives for an image, before softmax.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Channels.
    pub classes: usize,
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// `[classes, height, width]`
    pub values: Vec<f32>,
}

impl SlidingWindow {
    /// The logits of an image, in windows of the model's tile. An image smaller than that is one window of its
    /// own size, filled up to what the network can take by repeating its edge.
    ///
    /// # Errors
    /// [`Error::TooSmall`]; [`Error::Engine`].
    pub fn run(&self, engine: &mut dyn Engine, image: &RgbImage) -> Result<Logits, Error> {
        let info = engine.info();
        let size = [image.height() as usize, image.width() as usize];
        check_size(image, info.min_size)?;
        let roi: [usize; 2] = std::array::from_fn(|axis| {
            let filled = size[axis].next_multiple_of(info.size_divisor[axis]);
            filled.min(info.tile[axis])
        });
        let classes = info.classes.len();
        let windows = positions(size, roi, self.overlap);
        if let [window] = windows[..] {
            let values = engine.run(&cut(image, &[window], roi), [1, roi[0], roi[1]])?;
            return Ok(crop(values, classes, roi, size));
        }
        let mut blend = Blend::new(classes, size, roi, self.mode);
        for batch in windows.chunks(self.batch.max(1)) {
            let values = engine.run(&cut(image, batch, roi), [batch.len(), roi[0], roi[1]])?;
            for (window, values) in batch.iter().zip(values.chunks_exact(classes * roi[0] * roi[1])) {
                blend.add(*window, values);
            }
        }
        Ok(blend.finish())
    }

    /// The logits of an image in one piece, as the network alone would give them, where its size can be taken
    /// as it is.
    ///
    /// # Errors
    /// [`Error::Engine`], also for a size that is no multiple of the network's divisor.
    pub fn run_whole(engine: &mut dyn Engine, image: &RgbImage) -> Result<Logits, Error> {
        let (height, width) = (image.height() as usize, image.width() as usize);
        let values = engine.run(image.as_raw(), [1, height, width])?;
        Ok(Logits { classes: engine.info().classes.len(), height, width, values })
    }
}

fn check_size(image: &RgbImage, [min_height, min_width]: [usize; 2]) -> Result<(), Error> {
    let (width, height) = image.dimensions();
    if (height as usize) < min_height || (width as usize) < min_width {
        return Err(Error::TooSmall { width, height, min_width, min_height });
    }
    Ok(())
}

/// The pixels of windows, one after the other; beyond the image its edge is repeated.
fn cut(image: &RgbImage, windows: &[Window], [rows, columns]: [usize; 2]) -> Vec<u8> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let source = image.as_raw();
    let mut pixels = Vec::with_capacity(windows.len() * rows * columns * 3);
    for window in windows {
        let inside = columns.min(width - window.x);
        for y in window.y..window.y + rows {
            let row = &source[y.min(height - 1) * width * 3..][..width * 3];
            pixels.extend_from_slice(&row[window.x * 3..(window.x + inside) * 3]);
            for _ in inside..columns {
                pixels.extend_from_slice(&row[(width - 1) * 3..]);
            }
        }
    }
    pixels
}

/// The part of a window that is image.
fn crop(values: Vec<f32>, classes: usize, roi: [usize; 2], [height, width]: [usize; 2]) -> Logits {
    if roi == [height, width] {
        return Logits { classes, height, width, values };
    }
    let planes = values.chunks_exact(roi[0] * roi[1]);
    let rows = planes.flat_map(|plane| plane.chunks_exact(roi[1]).take(height));
    let values = rows.flat_map(|row| &row[..width]).copied().collect();
    Logits { classes, height, width, values }
}

/// Weighted sums of logits, and of the weights.
struct Blend {
    logits: Logits,
    weights: Vec<f32>,
    roi: [usize; 2],
    importance: Vec<f32>,
}

impl Blend {
    fn new(classes: usize, [height, width]: [usize; 2], roi: [usize; 2], mode: BlendMode) -> Self {
        let values = vec![0.0; classes * height * width];
        Self {
            logits: Logits { classes, height, width, values },
            weights: vec![0.0; height * width],
            roi,
            importance: importance_map(roi, mode),
        }
    }

    /// Adds a window's logits `[classes, rows, columns]`.
    fn add(&mut self, window: Window, values: &[f32]) {
        let [rows, columns] = self.roi;
        let Logits { height, width, classes, .. } = self.logits;
        let (rows_inside, inside) = (rows.min(height - window.y), columns.min(width - window.x));
        for y in 0..rows_inside {
            let importance = &self.importance[y * columns..][..inside];
            let at = (window.y + y) * width + window.x;
            for (sum, weight) in self.weights[at..at + inside].iter_mut().zip(importance) {
                *sum += weight;
            }
            for class in 0..classes {
                let from = &values[(class * rows + y) * columns..][..inside];
                let sums = &mut self.logits.values[class * height * width + at..][..inside];
                for ((sum, value), weight) in sums.iter_mut().zip(from).zip(importance) {
                    *sum += value * weight;
                }
            }
        }
    }

    fn finish(mut self) -> Logits {
        for plane in self.logits.values.chunks_exact_mut(self.weights.len()) {
            for (value, weight) in plane.iter_mut().zip(&self.weights) {
                *value /= weight;
            }
        }
        self.logits
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::engine::ModelInfo;
    use crate::engine::fake::Fake;

    fn image(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 3 % 256) as u8, (y * 5 % 256) as u8, 9]))
    }

    #[test]
    fn what_is_computed_pixel_by_pixel_is_the_same_in_any_windows() {
        for mode in [BlendMode::Constant, BlendMode::Gaussian] {
            for (width, height) in [(32, 32), (40, 33), (100, 75), (20, 90), (17, 16)] {
                let image = image(width, height);
                let window = SlidingWindow { overlap: 0.25, mode, batch: 3 };
                let logits = window.run(&mut Fake::default(), &image).unwrap();
                assert_eq!((logits.width, logits.height), (width as usize, height as usize));
                for (at, pixel) in image.pixels().enumerate() {
                    let expected = f32::from(pixel[0]) - f32::from(pixel[1]);
                    let area = (width * height) as usize;
                    assert!((logits.values[area + at] - expected).abs() < 1e-3, "{width}×{height} at {at}");
                    assert!(logits.values[at].abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn the_engine_is_never_given_more_than_a_batch() {
        let mut engine = Fake::default();
        let window = SlidingWindow { batch: 2, ..SlidingWindow::default() };
        window.run(&mut engine, &image(200, 200)).unwrap();
        assert_eq!(engine.largest, 2 * 32 * 32);
    }

    #[test]
    fn too_small_says_how_small_is_possible() {
        let error = SlidingWindow::default().run(&mut Fake::default(), &image(1, 1)).unwrap_err();
        assert!(error.to_string().contains("16×16"), "{error}");
        let info: ModelInfo = Fake::default().info().clone();
        assert_eq!(info.min_size, [16, 16]);
    }
}
