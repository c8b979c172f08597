//! `GET /metrics`: for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::app::App;

/// Metrics in Prometheus' text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain"))
)]
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.waiting.set(i64::try_from(app.inference.waiting()).unwrap_or(i64::MAX));
    app.http_metrics.page()
}
