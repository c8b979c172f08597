//! Segments images: the one way from the bytes of a file to a prediction, for HTTP requests and files alike.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bcs_contracts::PredictionRecord;
use bcs_drift::novelty::Novelty;
use bcs_imaging::decode::{Header, header};
use bcs_imaging::{Limits, Raster, polygons};
use bcs_inference::scheduler::{Answer, LoadedModel, Request};
use bcs_inference::{Inference, Logits, Model, ModelInfo, Segmentation, SlidingWindow, TestTimeAugmentation};
use bcs_service::admission::Ticket;
use bytes::Bytes;
use uuid::Uuid;

use crate::answer::probabilities;
use crate::cancellable::Cancellable;
use crate::error::Error;
use crate::input::{Input, ReceiveTime};
use crate::metrics::PredictionMetrics;
use crate::origin::Origin;
use crate::record::{self, Subject};
use crate::render::{Format, Rendered, Rendering, render};
use crate::workers::Workers;

/// Bytes per pixel of an image on its way: RGB, the class, and their encoded forms at their largest.
const PIXEL_BYTES: u64 = 8;

/// Bytes per pixel of a class and its encoded form.
pub const MASK_BYTES: u64 = 2;

/// Number of windows whose logits one image may have in memory besides its strip.
const WINDOWS_IN_MEMORY: u64 = 16;

/// Segments images.
pub struct Predictor {
    /// The model.
    pub inference: Inference,
    window: SlidingWindow,
    /// Pool for decoding and encoding.
    pub workers: Workers,
    /// Pool for images whose logits are needed as a whole.
    whole: Workers,
    /// Limits of an image.
    pub limits: Limits,
    /// Metrics.
    pub metrics: PredictionMetrics,
    scorer: Mutex<Option<Scorer>>,
}

/// The novelty scorer of a model.
struct Scorer {
    model: Weak<Model>,
    /// `None` if the model has no drift reference, or one of fewer than two cases.
    novelty: Option<Arc<Novelty>>,
}

/// Number of tensors of the size of the logits in memory, for images whose logits are needed as a whole: those of a view,
/// their weights, the mean, and the encoded probabilities.
const WHOLE_LOGITS: u64 = 4;

/// Form of the class probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probabilities {
    /// Those of all classes, as NumPy's `.npy`.
    Npy,
    /// Those of the class of this code, as 16-bit PNG.
    Png(u8),
}

/// What the client states about an image and wants of it.
#[derive(Debug, Default)]
pub struct Options {
    /// Source and case.
    pub origin: Origin,
    /// Time of arrival.
    pub received: ReceiveTime,
    /// Resolution in µm/px, where known.
    pub mpp: Option<f64>,
    /// What is made of the segmentation besides the mask.
    pub rendering: Rendering,
    /// Test-time augmentation; `None` for that of the settings.
    pub tta: Option<TestTimeAugmentation>,
    /// Form of the class probabilities; `None` for none.
    pub probabilities: Option<Probabilities>,
}

/// A prediction that is not stored yet.
#[derive(Debug)]
pub struct Prediction {
    /// Mask, overlay and regions.
    pub rendered: Rendered,
    /// Class probabilities, if they were asked for.
    pub probabilities: Option<Bytes>,
    /// The model that made it.
    pub model: Arc<Model>,
    record: PredictionRecord,
    received: Instant,
    /// Memory and deadline of the request, until it is stored.
    pub ticket: Arc<Ticket>,
}

impl Prediction {
    /// Returns the id, a version 7 UUID, which determines the day it is stored under.
    pub fn id(&self) -> Uuid {
        self.record.id
    }

    /// Returns the format of the file: `png`, `jpeg`, …
    pub fn format(&self) -> &str {
        &self.record.input.format
    }

    /// Returns the record. `mask` is the key of the stored mask; the latency is measured up to now.
    pub fn record(&self, mask: String) -> PredictionRecord {
        let latency_ms = milliseconds(self.received.elapsed());
        PredictionRecord { mask, latency_ms, ..self.record.clone() }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

impl Predictor {
    /// Creates a predictor. `window` is the sliding window of `inference`.
    pub fn new(
        inference: Inference,
        window: SlidingWindow,
        workers: Workers,
        limits: Limits,
        metrics: PredictionMetrics,
    ) -> Self {
        // Such images are rare and large: one at a time, so that they delay no other.
        let whole = Workers::new(1);
        Self { inference, window, workers, whole, limits, metrics, scorer: Mutex::default() }
    }

    /// Decodes, measures, segments and renders an image. Between its steps, and while it waits, it ends when the ticket
    /// is cancelled or its deadline has passed. `not_ready` is the error while there is no model.
    ///
    /// # Errors
    /// [`Error::NotReady`], [`Error::Refused`], [`Error::Image`], [`Error::Undecodable`] or [`Error::Inference`].
    pub async fn predict(
        &self,
        bytes: Bytes,
        options: Options,
        mut ticket: Ticket,
        not_ready: impl FnOnce() -> Error,
    ) -> Result<Prediction, Error> {
        let model = self.inference.current().ok_or_else(not_ready)?;
        let info = &model.model().info;
        let Options { origin, received, mpp, rendering, tta, probabilities } = options;
        let tta = tta.unwrap_or(self.window.tta);
        let probabilities = probabilities.map(|form| Encoding::new(form, info)).transpose()?;
        let whole = tta != TestTimeAugmentation::None || probabilities.is_some();
        let header = header(&bytes, self.limits)?;
        ticket.decode(memory(&header, info, whole, rendering)).await?;
        let ticket = Arc::new(ticket);

        let start = Instant::now();
        let (limits, window) = (self.limits, info.tile);
        let read = self.step(&self.workers, &ticket, move || Input::read(&bytes, limits, window)).await?;
        let Input { image, info: mut input, features } = read.map_err(|_| Error::Undecodable)??;
        self.metrics.decode.observe(start.elapsed().as_secs_f64());
        self.metrics.pixels.observe(f64::from(input.width) * f64::from(input.height));

        input.mpp = mpp;
        let subject = Subject { info: input, features, origin, received };
        let (answer, logits) = if whole {
            let window = SlidingWindow { tta, ..self.window };
            let (answer, logits) = self.segment_whole(&model, image, window, &ticket).await?;
            (answer, Some(logits))
        } else {
            (self.segment(&model, image, &ticket).await?, None)
        };
        let probabilities = probabilities.zip(logits);
        self.render(answer, subject, rendering, probabilities, ticket).await
    }

    async fn segment(
        &self,
        model: &Arc<LoadedModel>,
        image: Raster,
        ticket: &Arc<Ticket>,
    ) -> Result<Answer, Error> {
        let request = Request {
            image,
            token: ticket.token().clone(),
            deadline: Some(ticket.deadline()),
            held: Arc::<Ticket>::clone(ticket),
        };
        let answer = self.inference.segment(model, request).await;
        // The reason of the ticket is more precise.
        ticket.check()?;
        let answer = answer?;
        self.metrics.queue.observe(answer.waited.as_secs_f64());
        self.metrics.inference.observe(answer.ran.as_secs_f64());
        Ok(answer)
    }

    /// Segments an image of which all logits are needed at once: with test-time augmentation, which averages whole images
    /// rather than windows, and for probabilities.
    async fn segment_whole(
        &self,
        model: &Arc<LoadedModel>,
        image: Raster,
        window: SlidingWindow,
        ticket: &Arc<Ticket>,
    ) -> Result<(Answer, Logits), Error> {
        let (model, start) = (Arc::clone(model.model()), Instant::now());
        let held = Arc::clone(ticket);
        let work = move || {
            let mut engine = Cancellable::new(model.engine()?, held);
            let image = image.into_whole()?;
            let logits = window.run(&mut engine, &image)?;
            let segmentation = Segmentation::from_logits(&logits)?;
            let (waited, ran) = (Duration::ZERO, start.elapsed());
            let image = image.into();
            Ok::<_, bcs_inference::Error>((Answer { image, segmentation, model, waited, ran }, logits))
        };
        let answer = self.step(&self.whole, ticket, work).await?;
        Ok(answer.map_err(|panic| Error::Internal(panic.to_string()))??)
    }

    async fn render(
        &self,
        answer: Answer,
        subject: Subject,
        rendering: Rendering,
        probabilities: Option<(Encoding, Logits)>,
        ticket: Arc<Ticket>,
    ) -> Result<Prediction, Error> {
        let start = Instant::now();
        let Answer { image, segmentation, model, .. } = answer;
        let (novelty, received) = (self.novelty(&model), subject.received.instant);
        let work = move || {
            let record =
                record::describe(Uuid::now_v7(), subject, &segmentation, &model.info, novelty.as_deref());
            let rendered = render(image, segmentation, &model.info.classes, rendering)?;
            let probabilities = probabilities
                .map(|(encoding, logits)| encoding.encode(&logits.into_probabilities()))
                .transpose()?;
            Ok::<_, Error>((rendered, probabilities, model, record))
        };
        let result = self.step(&self.workers, &ticket, work).await?;
        let (rendered, probabilities, model, record) =
            result.map_err(|panic| Error::Internal(panic.to_string()))??;
        self.metrics.render.observe(start.elapsed().as_secs_f64());
        Ok(Prediction { rendered, probabilities, model, record, received, ticket })
    }

    /// Runs work on a pool, unless the ticket is refused before it ends. Work that has started keeps the ticket.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn step<T: Send + 'static>(
        &self,
        pool: &Workers,
        ticket: &Arc<Ticket>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Result<T, crate::workers::Panicked>, Error> {
        ticket.check()?;
        let held = Arc::clone(ticket);
        let work = move || {
            let result = work();
            drop(held);
            result
        };
        tokio::select! {
            biased;
            result = pool.run(work) => Ok(result),
            refused = ticket.refused() => Err(refused.into()),
        }
    }

    /// Returns the novelty scorer of a model, created on the first call; `None` if the model has no drift reference, or
    /// one of fewer than two cases.
    pub fn novelty(&self, model: &Arc<Model>) -> Option<Arc<Novelty>> {
        let mut scorer = self.scorer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Scorer { model: of, novelty }) = &*scorer
            && of.upgrade().is_some_and(|of| Arc::ptr_eq(&of, model))
        {
            return novelty.clone();
        }
        let novelty = model.reference.as_ref().and_then(record::novelty).map(Arc::new);
        *scorer = Some(Scorer { model: Arc::downgrade(model), novelty: novelty.clone() });
        novelty
    }
}

/// Form of the class probabilities, with the position of the class.
#[derive(Debug, Clone, Copy)]
enum Encoding {
    Npy,
    Png(usize),
}

impl Encoding {
    fn new(form: Probabilities, model: &ModelInfo) -> Result<Self, Error> {
        let Probabilities::Png(code) = form else { return Ok(Self::Npy) };
        let class = model.classes.iter().position(|class| class.code == code);
        let known =
            || model.classes.iter().map(|class| class.code.to_string()).collect::<Vec<_>>().join(", ");
        class.map(Self::Png).ok_or_else(|| {
            Error::Query(format!("class is {code}, but the classes of the model are {}", known()))
        })
    }

    fn encode(self, probabilities: &Logits) -> Result<Bytes, Error> {
        match self {
            Self::Npy => Ok(probabilities::npy(probabilities)),
            Self::Png(class) => probabilities::png(probabilities, class),
        }
    }
}

/// Returns the bytes that an image needs at its peak: to be decoded, and then for itself, its results, and the logits
/// that are in memory, which may be those of the whole image.
fn memory(header: &Header, model: &ModelInfo, whole: bool, rendering: Rendering) -> u64 {
    let (width, height) = (u64::from(header.width), u64::from(header.height));
    let pixels = width * height;
    let regions = if rendering.regions { polygons::memory(pixels) } else { 0 };
    if whole {
        let logits = WHOLE_LOGITS * pixels * model.classes.len() as u64 * size_of::<f32>() as u64;
        return header.peak_bytes().max(pixels * PIXEL_BYTES + logits + regions);
    }
    let logits = logits_bytes([height, width], model);
    if header.has_bands() {
        let bands = header.raster_bytes(model.tile[0] as u64);
        return bands + pixels * (MASK_BYTES + overlay_bytes(rendering)) + logits + regions;
    }
    header.peak_bytes().max(pixels * PIXEL_BYTES + logits + regions)
}

/// Returns the bytes per pixel of an encoded overlay at its largest.
fn overlay_bytes(rendering: Rendering) -> u64 {
    match rendering.overlay.map(|style| style.format) {
        Some(Format::Png) => 3,
        Some(Format::Jpeg) => 1,
        None => 0,
    }
}

/// Returns the bytes of the strip in which the logits of an image of this size (height, width) are blended, and of the
/// windows on their way there.
fn logits_bytes([height, width]: [u64; 2], model: &ModelInfo) -> u64 {
    let [rows, columns] = model.tile.map(|side| side as u64);
    // The EXIF orientation may exchange width and height.
    let longest = width.max(height);
    let strip = rows.min(longest) * longest;
    let windows = (rows * columns * WINDOWS_IN_MEMORY).min(4 * width * height);
    (strip + windows) * (model.classes.len() as u64 + 1) * size_of::<f32>() as u64
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;

    use super::*;

    #[test]
    fn a_large_image_costs_its_strip_and_not_its_logits() {
        let info = ModelInfo {
            version: String::new(),
            architecture: String::new(),
            classes: unnamed_classes(22),
            tile: [224, 224],
            size_divisor: [16, 16],
            min_size: [16, 16],
            mpp: None,
            device: "cpu".to_owned(),
            engine: "fake",
        };
        let all_logits = 10_000 * 10_000 * 23 * 4;
        assert!(logits_bytes([10_000, 10_000], &info) < all_logits / 20);
        assert!(logits_bytes([224, 224], &info) < 32 << 20);
        assert_eq!(logits_bytes([20_000, 30], &info), logits_bytes([30, 20_000], &info));
    }
}
