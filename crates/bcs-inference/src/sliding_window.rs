//! Sliding-window inference on images of any size, as MONAI's `sliding_window_inference`: the logits of overlapping
//! windows are blended with a constant or Gaussian weight per pixel. Memory holds the windows of one batch and one
//! accumulator `[classes, height, width]` in float32 per image; test-time augmentation needs a second one.

use std::collections::BTreeMap;

use bcs_contracts::features::Embedding;
use bcs_imaging::windows::{BlendMode, Window};
use image::RgbImage;

use crate::embedding::MeanEmbedding;
use crate::engine::{Border, Engine, ModelInfo};
use crate::error::Error;
use crate::logits::Logits;
use crate::padding::Padding;
use crate::plan::{Frame, Plan, Source};
use crate::strips::Strips;
use crate::test_time_augmentation::{Probabilities, TestTimeAugmentation};
use crate::view::View;

/// Sliding-window inference. Values per axis are (height, width).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlidingWindow {
    /// Height and width of the window in pixels; `None` for the model's tile. Must be multiples of the network's size
    /// divisor and not less than its least size.
    pub roi: Option<[usize; 2]>,
    /// Overlap of neighbouring windows as a fraction of the window, per axis. In [0, 1).
    pub overlap: [f64; 2],
    /// Weights of the pixels of a window where windows overlap.
    pub mode: BlendMode,
    /// Standard deviation of Gaussian weights as a fraction of the window, per axis. Greater than 0.
    pub sigma_scale: [f64; 2],
    /// Padding of images smaller than the window.
    pub padding: Padding,
    /// Maximum number of windows per forward pass, MONAI's `sw_batch_size`.
    pub batch: usize,
    /// Test-time augmentation.
    pub tta: TestTimeAugmentation,
}

impl Default for SlidingWindow {
    /// MONAI's default overlap (0.25) and `sigma_scale` (0.125), Gaussian weights, batches of 4.
    fn default() -> Self {
        Self {
            roi: None,
            overlap: [0.25; 2],
            mode: BlendMode::Gaussian,
            sigma_scale: [0.125; 2],
            padding: Padding::Fit,
            batch: 4,
            tta: TestTimeAugmentation::None,
        }
    }
}

impl SlidingWindow {
    /// Returns the logits of an image, computed in windows and blended where they overlap. Where the image is smaller than
    /// a window, it is padded as [`Padding`] says. With test-time augmentation the logits are those of the mean
    /// probability; see [`TestTimeAugmentation`].
    ///
    /// # Errors
    /// [`Error::Window`]; [`Error::TooSmall`]; [`Error::Engine`].
    pub fn run(&self, engine: &mut dyn Engine, image: &RgbImage) -> Result<Logits, Error> {
        let mut logits = self.run_all(engine, std::slice::from_ref(image))?;
        logits.pop().ok_or_else(|| Error::Engine("there is no image".to_owned()))
    }

    /// Returns the logits of several images of any sizes, in their order. Windows of one size share batches, whichever
    /// image they come from; the result for an image does not depend on the others, except for the rounding of an
    /// engine that computes differently at other batch sizes. The logits of all images are in memory at once.
    ///
    /// # Errors
    /// [`Error::Window`] and [`Error::TooSmall`] before anything is computed; [`Error::Engine`].
    pub fn run_all(&self, engine: &mut dyn Engine, images: &[RgbImage]) -> Result<Vec<Logits>, Error> {
        self.check(engine.info())?;
        for image in images {
            self.check_image(engine.info(), size_of(image))?;
        }
        if self.tta == TestTimeAugmentation::None {
            return self.run_view(engine, images, View::IDENTITY);
        }
        let classes = engine.info().classes.len();
        let mut means: Vec<_> =
            images.iter().map(|image| Probabilities::new(classes, size_of(image))).collect();
        for view in self.tta.views() {
            for (mean, logits) in means.iter_mut().zip(self.run_view(engine, images, view)?) {
                mean.add(&logits, view);
            }
        }
        Ok(means.into_iter().map(Probabilities::finish).collect())
    }

    /// Returns the logits of an image computed in one piece, without windows.
    ///
    /// # Errors
    /// [`Error::Engine`], also for a size that is not a multiple of the network's divisor.
    pub fn run_whole(engine: &mut dyn Engine, image: &RgbImage) -> Result<Logits, Error> {
        let [height, width] = size_of(image);
        let classes = engine.info().classes.len();
        let mut values = vec![0.0; classes * height * width];
        let embeddings = engine.run(image.as_raw(), [1, height, width], &Border::default(), &mut values)?;
        Ok(Logits { classes, height, width, values, embedding: embeddings.first().copied() })
    }

    /// Returns the logits of a view of each image.
    fn run_view(
        &self,
        engine: &mut dyn Engine,
        images: &[RgbImage],
        view: View,
    ) -> Result<Vec<Logits>, Error> {
        let classes = engine.info().classes.len();
        let plans: Vec<Plan> =
            images.iter().map(|image| self.plan(engine.info(), view.size(size_of(image)))).collect();
        let blending = |plan: &Plan| Blending {
            strips: Strips::new(classes, *plan, self),
            logits: Logits::zeros(classes, plan.size),
            embedding: MeanEmbedding::default(),
        };
        let mut blended: Vec<Blending> = plans.iter().map(blending).collect();
        let source = Source { images, plans: &plans, view, padding: self.padding, top: 0 };
        for (frame, windows) in self.by_frame(&plans) {
            let length = classes * frame.roi[0] * frame.roi[1];
            let border = frame.border(self.padding);
            for batch in windows.chunks(self.batch.max(1)) {
                let mut values = vec![0.0; batch.len() * length];
                let pixels = frame.cut(&source, batch);
                let embeddings = engine.run(&pixels, frame.shape(batch.len()), &border, &mut values)?;
                let windows = batch.iter().zip(values.chunks_exact(length)).enumerate();
                for (at, ((image, window), values)) in windows {
                    blended[*image].add(*window, values, embeddings.get(at));
                }
            }
        }
        Ok(blended.into_iter().map(Blending::finish).collect())
    }

    /// Returns where the windows of an image of this size lie.
    pub(crate) fn plan(&self, info: &ModelInfo, size: [usize; 2]) -> Plan {
        let window = self.roi.unwrap_or(info.tile);
        let fitted: [usize; 2] = std::array::from_fn(|axis| {
            window[axis].min(size[axis].next_multiple_of(info.size_divisor[axis]))
        });
        let (roi, before) = match self.padding {
            Padding::Fit => (fitted, [0; 2]),
            _ => (window, std::array::from_fn(|axis| window[axis].saturating_sub(size[axis]) / 2)),
        };
        Plan { size, roi, before, overlap: self.overlap }
    }

    /// Groups all windows by frame, in the order of the images, each with the index of its image.
    fn by_frame(&self, plans: &[Plan]) -> BTreeMap<Frame, Vec<(usize, Window)>> {
        let mut groups: BTreeMap<Frame, Vec<(usize, Window)>> = BTreeMap::new();
        for (image, plan) in plans.iter().enumerate() {
            let windows = plan.windows().into_iter().map(|window| (image, window));
            groups.entry(plan.frame(self.padding)).or_default().extend(windows);
        }
        groups
    }

    /// Checks the arguments for a model, as [`Self::run`] does first.
    ///
    /// # Errors
    /// [`Error::Window`].
    pub fn check(&self, info: &ModelInfo) -> Result<(), Error> {
        let error = |argument, reason| Err(Error::Window { argument, reason });
        if let Some(overlap) = self.overlap.iter().find(|overlap| !(0.0..1.0).contains(*overlap)) {
            return error("overlap", format!("is {overlap}; it must be at least 0 and less than 1"));
        }
        if let Some(scale) = self.sigma_scale.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
            return error("sigma_scale", format!("is {scale}; it must be greater than 0"));
        }
        let Some(roi) = self.roi else { return Ok(()) };
        let (divisor, least) = (info.size_divisor, info.min_size);
        let suits = |axis: usize| {
            roi[axis] > 0 && roi[axis] >= least[axis] && roi[axis].is_multiple_of(divisor[axis])
        };
        if suits(0) && suits(1) {
            return Ok(());
        }
        error(
            "roi",
            format!(
                "is {}×{} (height×width); the model needs multiples of {}×{} that are at least {}×{}",
                roi[0], roi[1], divisor[0], divisor[1], least[0], least[1]
            ),
        )
    }

    /// Checks the size of an image. With rotations, its height and width are swapped in some views.
    pub(crate) fn check_image(&self, info: &ModelInfo, size: [usize; 2]) -> Result<(), Error> {
        let least = match self.padding {
            Padding::Fit => info.min_size.map(|least| least.max(1)),
            _ => [1; 2],
        };
        let least = if self.tta.rotates() { [least[0].max(least[1]); 2] } else { least };
        if size[0] < least[0] || size[1] < least[1] {
            let [height, width] = size.map(|side| side as u32);
            return Err(Error::TooSmall { width, height, min_width: least[1], min_height: least[0] });
        }
        for view in self.tta.views() {
            let size = view.size(size);
            let plan = self.plan(info, size);
            let after = |axis: &usize| (plan.roi[*axis] - plan.before[*axis]).saturating_sub(size[*axis]);
            if let Some(axis) = (0..2).find(|axis| after(axis) > self.padding.most(size[*axis])) {
                let (padding, added, side) = (self.padding, after(&axis), size[axis]);
                return Err(Error::Window {
                    argument: "padding",
                    reason: format!(
                        "is {padding}, which can't add {added} pixels to a side of {side}; use replicate or constant"
                    ),
                });
            }
        }
        Ok(())
    }
}

/// The output for an image while its windows arrive.
struct Blending {
    strips: Strips,
    logits: Logits,
    embedding: MeanEmbedding,
}

impl Blending {
    /// Adds the logits and the embedding of a window.
    fn add(&mut self, window: Window, values: &[f32], embedding: Option<&Embedding>) {
        self.strips.add(window, values, |y, row| self.logits.set_row(y, row));
        self.embedding.add(embedding);
    }

    fn finish(mut self) -> Logits {
        self.strips.finish(|y, row| self.logits.set_row(y, row));
        self.logits.embedding = self.embedding.finish();
        self.logits
    }
}

pub(crate) fn size_of(image: &RgbImage) -> [usize; 2] {
    [image.height() as usize, image.width() as usize]
}

#[cfg(test)]
mod tests;
