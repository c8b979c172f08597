//! `GET /health`: the process lives.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::ready;
use crate::app::App;

/// Whether the service is alive
///
/// Always 200 while it answers at all, also where no model does. Where the platform asks for readiness at this very
/// route (`AIP_HEALTH_ROUTE=/health`), it answers as `/ready`.
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    responses((status = 200, description = "It is", body = serde_json::Value, example = json!({"status": "alive"})))
)]
pub async fn health(state: State<Arc<App>>) -> Response {
    if state.settings.server.health_route.as_deref() == Some("/health") {
        return ready::ready(state).await.into_response();
    }
    Json(json!({"status": "alive"})).into_response()
}
