//! Sliding-window inference on images of any size, as MONAI's `sliding_window_inference`: the logits of overlapping
//! windows are blended with a constant or Gaussian weight per pixel. Memory holds the windows of one batch and one
//! accumulator per image.

use std::collections::BTreeMap;

use bcs_imaging::windows::{BlendMode, Window, importance_map, positions};
use image::RgbImage;

use crate::engine::{Engine, ModelInfo};
use crate::error::Error;

/// Sliding-window inference.
#[derive(Debug, Clone, Copy)]
pub struct SlidingWindow {
    /// Overlap of neighbouring windows as a fraction of the window. In [0, 1).
    pub overlap: f64,
    /// Weights of the pixels of a window where windows overlap.
    pub mode: BlendMode,
    /// Maximum number of windows per forward pass.
    pub batch: usize,
}

impl Default for SlidingWindow {
    /// MONAI's default overlap (0.25), Gaussian weights, batches of 4.
    fn default() -> Self {
        Self { overlap: 0.25, mode: BlendMode::Gaussian, batch: 4 }
    }
}

/// Network output for an image, before softmax.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Number of classes.
    pub classes: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Logits `[classes, height, width]` in row-major order.
    pub values: Vec<f32>,
}

impl SlidingWindow {
    /// Returns the logits of an image, computed in windows of the model's tile size and blended where they overlap. An
    /// image smaller than the tile is one window, padded to the network's size divisor by repeating its edge.
    ///
    /// # Errors
    /// [`Error::TooSmall`]; [`Error::Engine`].
    pub fn run(&self, engine: &mut dyn Engine, image: &RgbImage) -> Result<Logits, Error> {
        let mut logits = self.run_all(engine, std::slice::from_ref(image))?;
        logits.pop().ok_or_else(|| Error::Engine("there is no image".to_owned()))
    }

    /// Returns the logits of several images of any sizes, in their order. Windows of one size share batches, whichever
    /// image they come from; the result for an image does not depend on the others, except for the rounding of an
    /// engine that computes differently at other batch sizes. The logits of all images are in memory at once.
    ///
    /// # Errors
    /// [`Error::TooSmall`] before anything is computed; [`Error::Engine`].
    pub fn run_all(&self, engine: &mut dyn Engine, images: &[RgbImage]) -> Result<Vec<Logits>, Error> {
        let info = engine.info();
        for image in images {
            check_size(image, info.min_size)?;
        }
        let classes = info.classes.len();
        let plans: Vec<Plan> = images.iter().map(|image| self.plan(info, image)).collect();
        let mut outputs: Vec<Output> =
            plans.iter().map(|plan| Output::new(plan, classes, self.mode)).collect();
        for (roi, windows) in by_size(&plans) {
            for batch in windows.chunks(self.batch.max(1)) {
                let length = classes * roi[0] * roi[1];
                let mut values = vec![0.0; batch.len() * length];
                let mut pixels = Vec::with_capacity(batch.len() * roi[0] * roi[1] * 3);
                for (image, window) in batch {
                    cut(&images[*image], *window, roi, &mut pixels);
                }
                engine.run(&pixels, [batch.len(), roi[0], roi[1]], &mut values)?;
                for ((image, window), values) in batch.iter().zip(values.chunks_exact(length)) {
                    outputs[*image].add(*window, values);
                }
            }
        }
        Ok(outputs.into_iter().map(Output::finish).collect())
    }

    /// Returns the logits of an image computed in one piece, without windows.
    ///
    /// # Errors
    /// [`Error::Engine`], also for a size that is not a multiple of the network's divisor.
    pub fn run_whole(engine: &mut dyn Engine, image: &RgbImage) -> Result<Logits, Error> {
        let (height, width) = (image.height() as usize, image.width() as usize);
        let classes = engine.info().classes.len();
        let mut values = vec![0.0; classes * height * width];
        engine.run(image.as_raw(), [1, height, width], &mut values)?;
        Ok(Logits { classes, height, width, values })
    }

    /// Returns the weight of each pixel of a window; a single window has equal weights, which do not round.
    pub(crate) fn importance(&self, plan: &Plan) -> Vec<f32> {
        let mode = if plan.windows.len() == 1 { BlendMode::Constant } else { self.mode };
        importance_map(plan.roi, mode)
    }

    /// Returns the windows of an image.
    pub(crate) fn plan(&self, info: &ModelInfo, image: &RgbImage) -> Plan {
        let size = [image.height() as usize, image.width() as usize];
        let roi: [usize; 2] = std::array::from_fn(|axis| {
            let padded = size[axis].next_multiple_of(info.size_divisor[axis]);
            padded.min(info.tile[axis])
        });
        Plan { size, roi, windows: positions(size, roi, self.overlap) }
    }
}

/// The windows of one image.
pub(crate) struct Plan {
    pub(crate) size: [usize; 2],
    pub(crate) roi: [usize; 2],
    pub(crate) windows: Vec<Window>,
}

/// Windows of one size, each with the index of its image.
type Group = Vec<(usize, Window)>;

/// Groups all windows by size, in the order of the images.
fn by_size(plans: &[Plan]) -> BTreeMap<[usize; 2], Group> {
    let mut groups: BTreeMap<[usize; 2], Group> = BTreeMap::new();
    for (image, plan) in plans.iter().enumerate() {
        let windows = plan.windows.iter().map(|window| (image, *window));
        groups.entry(plan.roi).or_default().extend(windows);
    }
    groups
}

pub(crate) fn check_size(image: &RgbImage, [min_height, min_width]: [usize; 2]) -> Result<(), Error> {
    let (width, height) = image.dimensions();
    if (height as usize) < min_height || (width as usize) < min_width {
        return Err(Error::TooSmall { width, height, min_width, min_height });
    }
    Ok(())
}

/// Appends the pixels of a window; beyond its image it repeats the edge.
pub(crate) fn cut(image: &RgbImage, window: Window, [rows, columns]: [usize; 2], pixels: &mut Vec<u8>) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let inside = columns.min(width - window.x);
    for y in window.y..window.y + rows {
        let row = &image.as_raw()[y.min(height - 1) * width * 3..][..width * 3];
        pixels.extend_from_slice(&row[window.x * 3..(window.x + inside) * 3]);
        for _ in inside..columns {
            pixels.extend_from_slice(&row[(width - 1) * 3..]);
        }
    }
}

/// The logits of one image while its windows arrive.
enum Output {
    /// One window covers the image: its logits are taken as they are, without the padding.
    Single { logits: Logits, roi: [usize; 2] },
    /// Several windows are blended.
    Blended(Blend),
}

impl Output {
    fn new(plan: &Plan, classes: usize, mode: BlendMode) -> Self {
        if plan.windows.len() > 1 {
            return Self::Blended(Blend::new(classes, plan.size, plan.roi, mode));
        }
        let [height, width] = plan.size;
        Self::Single { logits: Logits { classes, height, width, values: Vec::new() }, roi: plan.roi }
    }

    /// Adds a window's logits `[classes, rows, columns]`.
    fn add(&mut self, window: Window, values: &[f32]) {
        match self {
            Self::Single { logits, roi } => {
                let planes = values.chunks_exact(roi[0] * roi[1]);
                let rows = planes.flat_map(|plane| plane.chunks_exact(roi[1]).take(logits.height));
                logits.values = rows.flat_map(|row| &row[..logits.width]).copied().collect();
            }
            Self::Blended(blend) => blend.add(window, values),
        }
    }

    fn finish(self) -> Logits {
        match self {
            Self::Single { logits, .. } => logits,
            Self::Blended(blend) => blend.finish(),
        }
    }
}

/// Weighted sums of logits, and sums of the weights.
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
    use crate::fake::red;

    /// Largest number of pixels in one call.
    struct Largest(usize, crate::fake::Colors);

    impl Engine for Largest {
        fn info(&self) -> &ModelInfo {
            self.1.info()
        }

        fn set_threads(&mut self, _threads: std::num::NonZeroUsize) {}

        fn run(&mut self, pixels: &[u8], shape: [usize; 3], logits: &mut [f32]) -> Result<(), Error> {
            self.0 = self.0.max(shape.iter().product());
            self.1.run(pixels, shape, logits)
        }
    }

    fn image(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 3 % 256) as u8, (y * 5 % 256) as u8, 9]))
    }

    #[test]
    fn pixelwise_outputs_do_not_depend_on_the_windows() {
        for mode in [BlendMode::Constant, BlendMode::Gaussian] {
            for (width, height) in [(32, 32), (40, 33), (100, 75), (20, 90), (17, 16)] {
                let image = image(width, height);
                let window = SlidingWindow { overlap: 0.25, mode, batch: 3 };
                let logits = window.run(&mut red(), &image).unwrap();
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
    fn batches_have_at_most_the_given_number_of_windows() {
        let mut engine = Largest(0, red());
        let window = SlidingWindow { batch: 2, ..SlidingWindow::default() };
        window.run(&mut engine, &image(200, 200)).unwrap();
        assert_eq!(engine.0, 2 * 32 * 32);
    }

    #[test]
    fn too_small_images_are_errors_with_the_least_size() {
        let error = SlidingWindow::default().run(&mut red(), &image(1, 1)).unwrap_err();
        assert!(error.to_string().contains("16×16"), "{error}");
        let images = [image(40, 40), image(40, 15)];
        let mut engine = Largest(0, red());
        assert!(SlidingWindow::default().run_all(&mut engine, &images).is_err());
        assert_eq!(engine.0, 0, "the engine ran before the sizes were checked");
    }

    #[test]
    fn images_of_any_sizes_run_together_as_they_do_alone() {
        let sizes = [(32, 32), (40, 33), (32, 32), (100, 75), (20, 90), (17, 16), (32, 32), (32, 40)];
        let images: Vec<_> = sizes.iter().map(|(width, height)| image(*width, *height)).collect();
        for mode in [BlendMode::Constant, BlendMode::Gaussian] {
            for batch in [1, 3, 64] {
                let window = SlidingWindow { overlap: 0.25, mode, batch };
                let together = window.run_all(&mut red(), &images).unwrap();
                for (image, logits) in images.iter().zip(&together) {
                    assert_eq!(*logits, window.run(&mut red(), image).unwrap());
                }
            }
        }
        assert!(SlidingWindow::default().run_all(&mut red(), &[]).unwrap().is_empty());
    }

    #[test]
    fn windows_of_several_images_share_batches() {
        let images = [image(32, 32), image(32, 32), image(32, 32)];
        let mut engine = Largest(0, red());
        SlidingWindow::default().run_all(&mut engine, &images).unwrap();
        assert_eq!(engine.0, 3 * 32 * 32);
    }
}
