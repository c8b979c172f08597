//! Prometheus metrics of HTTP requests: counts and latencies by route. Labels are route templates, never paths, so that
//! clients cannot create time series by requesting arbitrary paths.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// Upper bounds of the latency histogram buckets in seconds.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Metrics of one server; clones refer to the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    in_flight: IntGauge,
}

impl Metrics {
    /// Creates and registers the metrics. `prefix`, such as `bcs_predictor`, begins their names.
    ///
    /// # Errors
    /// [`prometheus::Error`] if the prefix is not valid in a metric name.
    pub fn new(prefix: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new(format!("{prefix}_http_requests_total"), "Number of HTTP requests"),
            &["method", "route", "status"],
        )?;
        let latency = HistogramVec::new(
            HistogramOpts::new(
                format!("{prefix}_http_request_duration_seconds"),
                "Latency of HTTP requests in seconds",
            )
            .buckets(BUCKETS.to_vec()),
            &["method", "route"],
        )?;
        let in_flight = IntGauge::new(
            format!("{prefix}_http_requests_in_flight"),
            "Number of HTTP requests in progress",
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(latency.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        Ok(Self { inner: Arc::new(Inner { registry, requests, latency, in_flight }) })
    }

    /// Returns the registry, in which a server registers its own metrics.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Returns all metrics in the Prometheus text format, as a response.
    pub fn page(&self) -> Response {
        match TextEncoder::new().encode_to_string(&self.inner.registry.gather()) {
            Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
            Err(error) => (axum::http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// Middleware that counts requests and measures their latency.
pub async fn track(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().as_str().to_owned();
    let in_flight = InFlight::enter(&metrics.inner.in_flight);
    let start = Instant::now();
    let response = next.run(request).await;
    drop(in_flight);
    metrics.inner.latency.with_label_values(&[&method, &route]).observe(start.elapsed().as_secs_f64());
    let status = response.status();
    metrics.inner.requests.with_label_values(&[method.as_str(), &route, status.as_str()]).inc();
    response
}

/// Guard that counts a request as in progress until dropped, also if the client disconnects.
struct InFlight(IntGauge);

impl InFlight {
    fn enter(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
