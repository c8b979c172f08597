//! `GET /health`, `/ready` and `/metrics`, which every server has.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::health::State;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// What a server provides for its `/health`, `/ready` and `/metrics`.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Checks whether requests can be answered now.
    ///
    /// # Errors
    /// The [`Problem`] that `/ready` responds with.
    async fn check_ready(&self) -> Result<(), Problem>;

    /// Returns the metrics, after updating those that are sampled on request.
    fn metrics(&self) -> &Metrics;

    /// Whether `/health` reports readiness, because a platform probes readiness at that route.
    fn health_is_readiness(&self) -> bool {
        false
    }
}

/// Returns the routes, with their OpenAPI description.
pub fn router<S>(service: Arc<dyn Service>) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(metrics))
        .with_state(service)
}

/// Liveness
///
/// Always 200 while the process can answer, whether it is ready or not. Where the platform probes readiness at this
/// route (`AIP_HEALTH_ROUTE=/health`), it responds as `/ready`.
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    responses(
        (status = 200, description = "The process is alive", body = serde_json::Value,
            example = json!({"status": "alive"})),
        (status = 503, description = "Where the platform probes readiness at this route: requests cannot be answered",
            body = Problem, content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
async fn health(state: extract::State<Arc<dyn Service>>) -> Response {
    if state.health_is_readiness() {
        return ready(state).await.into_response();
    }
    Json(json!({"status": "alive"})).into_response()
}

/// Readiness
///
/// 200 if requests can be answered now; otherwise 503 with the reason.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "service",
    responses(
        (status = 200, description = "Requests can be answered", body = State, example = json!({"status": "ready"})),
        (status = 503, description = "Requests cannot be answered, and why", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")),
            example = json!({"type": "about:blank", "title": "Service Unavailable", "status": 503,
                "detail": "the server is stopping; try again"}))
    )
)]
pub async fn ready(
    extract::State(service): extract::State<Arc<dyn Service>>,
) -> Result<Json<State>, Problem> {
    service.check_ready().await.map(|()| Json(State::Ready))
}

/// Metrics in the Prometheus text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain"))
)]
async fn metrics(extract::State(service): extract::State<Arc<dyn Service>>) -> Response {
    service.metrics().page()
}
