//! Prometheus metrics of predictions, in addition to the HTTP metrics of every server.

use bcs_service::Metrics;
use prometheus::{Error, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

/// Upper bounds of the duration buckets in seconds: from a tile on a GPU to a whole region on a CPU.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

/// Upper bounds of the image size buckets in pixels: from a tile to the largest allowed region.
const PIXELS: [f64; 8] = [1e4, 5.1e4, 2.7e5, 1.1e6, 4.2e6, 1.7e7, 5e7, 1e8];

/// Metrics of predictions.
#[derive(Debug)]
pub struct PredictionMetrics {
    /// Number of prediction requests by outcome.
    pub outcomes: IntCounterVec,
    /// Number of images waiting for the model.
    pub waiting: IntGauge,
    /// Seconds from entering the queue to the segmentation.
    pub inference: Histogram,
    /// Seconds to decode and measure an image.
    pub decode: Histogram,
    /// Pixels of decoded images.
    pub pixels: Histogram,
}

impl PredictionMetrics {
    /// Creates the metrics and registers them with those of the server.
    ///
    /// # Errors
    /// [`Error`] if a name is already registered.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
        };
        let outcomes =
            Opts::new("bcs_predictor_predictions_total", "Number of prediction requests by outcome");
        let registered = Self {
            outcomes: IntCounterVec::new(outcomes, &["outcome"])?,
            waiting: IntGauge::new("bcs_predictor_queue_length", "Number of images waiting for the model")?,
            inference: histogram(
                "bcs_predictor_inference_seconds",
                "Seconds from entering the queue to the segmentation",
                &SECONDS,
            )?,
            decode: histogram(
                "bcs_predictor_decode_seconds",
                "Seconds to decode and measure an image",
                &SECONDS,
            )?,
            pixels: histogram("bcs_predictor_image_pixels", "Pixels of decoded images", &PIXELS)?,
        };
        let registry = metrics.registry();
        registry.register(Box::new(registered.outcomes.clone()))?;
        registry.register(Box::new(registered.waiting.clone()))?;
        registry.register(Box::new(registered.inference.clone()))?;
        registry.register(Box::new(registered.decode.clone()))?;
        registry.register(Box::new(registered.pixels.clone()))?;
        Ok(registered)
    }

    /// Counts a prediction request.
    pub fn count(&self, outcome: &str) {
        self.outcomes.with_label_values(&[outcome]).inc();
    }
}
