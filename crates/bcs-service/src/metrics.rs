//! Prometheus metrics of HTTP requests, counts and latencies by route, and the access log.
//!
//! Labels are from closed sets (route templates, and known methods), so that clients cannot create time series with
//! arbitrary paths or methods.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use tracing::{debug, info, warn};

use crate::server::REQUEST_ID;
use crate::trace;

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
    /// Id of the Google Cloud project, for traces.
    project: Option<String>,
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
        Ok(Self {
            inner: Arc::new(Inner { registry, requests, latency, in_flight, project: trace::project() }),
        })
    }

    /// Returns the registry, in which a server registers its own metrics.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Returns all metrics in the Prometheus text format, as a response.
    pub fn page(&self) -> Response {
        match TextEncoder::new().encode_to_string(&self.inner.registry.gather()) {
            Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// Middleware that counts requests, measures their latency and logs them.
pub async fn track(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = method_label(request.method());
    let id = request.headers().get(REQUEST_ID).cloned();
    let trace = trace::of(request.headers(), metrics.inner.project.as_deref());
    let in_flight = InFlight::enter(&metrics.inner.in_flight);
    let start = Instant::now();
    let response = next.run(request).await;
    drop(in_flight);
    let seconds = start.elapsed().as_secs_f64();
    metrics.inner.latency.with_label_values(&[method, route]).observe(seconds);
    let status = response.status();
    metrics.inner.requests.with_label_values(&[method, route, status.as_str()]).inc();
    log(method, route, status, seconds * 1e3, id.as_ref(), trace.as_deref());
    response
}

/// Returns the method if it is one of HTTP, otherwise `other`.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Logs a request. Platforms send probes all the time, so these are of interest only where they are asked for.
fn log(
    method: &str,
    route: &str,
    status: StatusCode,
    latency_ms: f64,
    id: Option<&HeaderValue>,
    trace: Option<&str>,
) {
    let request_id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let status = status.as_u16();
    match (status, route) {
        // 503 is the answer to overload, shutdown and a model that is loading, not a fault of the server.
        (500..=502 | 504.., _) => {
            warn!(method, route, status, latency_ms, request_id, trace, "Request failed.");
        }
        (_, "/health" | "/ready" | "/metrics") => {
            debug!(method, route, status, latency_ms, request_id, trace, "Probe.");
        }
        _ => info!(method, route, status, latency_ms, request_id, trace, "Request."),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_label() {
        for (method, label) in [("GET", "GET"), ("DELETE", "DELETE"), ("get", "other"), ("BREW", "other")] {
            assert_eq!(method_label(&Method::from_bytes(method.as_bytes()).unwrap()), label);
        }
    }
}
