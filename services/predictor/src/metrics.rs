//! Prometheus metrics of predictions, in addition to the HTTP metrics of every server.

use bcs_service::Metrics;
use prometheus::{Error, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

/// Upper bounds of the duration buckets in seconds: from a tile on a GPU to a whole region on a CPU.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

/// Upper bounds of the image size buckets in pixels: from a tile to the largest allowed region.
const PIXELS: [f64; 8] = [1e4, 5.1e4, 2.7e5, 1.1e6, 4.2e6, 1.7e7, 5e7, 1e8];

/// Upper bounds of the Dice buckets.
const DICE: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Upper bounds of the batch size buckets in windows.
const WINDOWS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Metrics of predictions.
#[derive(Debug, Clone)]
pub struct PredictionMetrics {
    /// Number of prediction requests by outcome.
    pub outcomes: IntCounterVec,
    /// Number of images whose windows do not all run yet.
    pub waiting: IntGauge,
    /// Number of windows waiting for the model.
    pub windows_waiting: IntGauge,
    /// Bytes of uploads that admitted requests hold.
    pub upload_bytes: IntGauge,
    /// Bytes of decoded images and results that admitted requests hold.
    pub pixel_bytes: IntGauge,
    /// Seconds until the first window of an image runs.
    pub queue: Histogram,
    /// Seconds from the first window to the segmentation.
    pub inference: Histogram,
    /// Seconds to decode and measure an image.
    pub decode: Histogram,
    /// Seconds to encode mask and overlay.
    pub render: Histogram,
    /// Seconds to store a prediction.
    pub store: Histogram,
    /// Pixels of decoded images.
    pub pixels: Histogram,
    /// Windows per batch.
    pub batch: Histogram,
    /// Dice coefficient of predictions with their corrected masks, by class.
    dice: HistogramVec,
}

impl PredictionMetrics {
    /// Creates the metrics and registers them with those of the server.
    ///
    /// # Errors
    /// [`Error`] if a name is already registered.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let registry = metrics.registry();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("bcs_predictor_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, Error>(gauge)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let options = HistogramOpts::new(format!("bcs_predictor_{name}"), help).buckets(buckets.to_vec());
            let histogram = Histogram::with_opts(options)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, Error>(histogram)
        };
        let outcomes =
            Opts::new("bcs_predictor_predictions_total", "Number of prediction requests by outcome");
        let outcomes = IntCounterVec::new(outcomes, &["outcome"])?;
        registry.register(Box::new(outcomes.clone()))?;
        let dice = HistogramOpts::new(
            "bcs_predictor_label_dice",
            "Dice coefficient of predictions with their corrected masks, by class",
        );
        let dice = HistogramVec::new(dice.buckets(DICE.to_vec()), &["class"])?;
        registry.register(Box::new(dice.clone()))?;
        Ok(Self {
            outcomes,
            dice,
            waiting: gauge("queue_length", "Number of images whose windows do not all run yet")?,
            windows_waiting: gauge("windows_waiting", "Number of windows waiting for the model")?,
            upload_bytes: gauge("upload_bytes", "Bytes of uploads that admitted requests hold")?,
            pixel_bytes: gauge(
                "pixel_bytes",
                "Bytes of decoded images and results that admitted requests hold",
            )?,
            queue: histogram("queue_seconds", "Seconds until the first window of an image runs", &SECONDS)?,
            inference: histogram(
                "inference_seconds",
                "Seconds from the first window to the segmentation",
                &SECONDS,
            )?,
            decode: histogram("decode_seconds", "Seconds to decode and measure an image", &SECONDS)?,
            render: histogram("render_seconds", "Seconds to encode mask and overlay", &SECONDS)?,
            store: histogram("store_seconds", "Seconds to store a prediction", &SECONDS)?,
            pixels: histogram("image_pixels", "Pixels of decoded images", &PIXELS)?,
            batch: histogram("batch_windows", "Windows per batch", &WINDOWS)?,
        })
    }

    /// Observes the Dice coefficients of a prediction with its corrected mask, by the name of the class.
    pub fn labelled<'a>(&self, scores: impl Iterator<Item = (&'a str, f64)>) {
        scores.for_each(|(class, dice)| self.dice.with_label_values(&[class]).observe(dice));
    }

    /// Counts a prediction request.
    pub fn count(&self, outcome: &str) {
        self.outcomes.with_label_values(&[outcome]).inc();
    }
}
