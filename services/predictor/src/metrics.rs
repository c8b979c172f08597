//! What Prometheus sees of predictions, beside what every server shows.

use bcs_service::Metrics;
use prometheus::{Error, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

/// Upper ends of the buckets of a step, in seconds: from a tile on a GPU to a whole region on a CPU.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

/// Upper ends of the buckets of image sizes, in pixels: from a tile to the largest region allowed.
const PIXELS: [f64; 8] = [1e4, 5.1e4, 2.7e5, 1.1e6, 4.2e6, 1.7e7, 5e7, 1e8];

/// The metrics of predictions.
#[derive(Debug)]
pub struct PredictionMetrics {
    /// Requests for predictions, by what became of them.
    pub outcomes: IntCounterVec,
    /// Images that wait for the model.
    pub waiting: IntGauge,
    /// From the queue to the segmentation.
    pub inference: Histogram,
    /// From bytes to pixels and features.
    pub decode: Histogram,
    /// Pixels of the images that were decoded.
    pub pixels: Histogram,
}

impl PredictionMetrics {
    /// Registers the metrics where the server's own are.
    ///
    /// # Errors
    /// [`Error`], where one of the names is taken.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
        };
        let outcomes =
            Opts::new("bcs_predictor_predictions_total", "Requests for predictions, by what became of them");
        let registered = Self {
            outcomes: IntCounterVec::new(outcomes, &["outcome"])?,
            waiting: IntGauge::new("bcs_predictor_queue_length", "Images that wait for the model")?,
            inference: histogram(
                "bcs_predictor_inference_seconds",
                "Seconds from the queue to the segmentation",
                &SECONDS,
            )?,
            decode: histogram(
                "bcs_predictor_decode_seconds",
                "Seconds of decoding and measuring an image",
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

    /// Counts a request for a prediction.
    pub fn count(&self, outcome: &str) {
        self.outcomes.with_label_values(&[outcome]).inc();
    }
}
