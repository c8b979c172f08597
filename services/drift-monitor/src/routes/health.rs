//! `GET /health`: the process lives.

use axum::Json;
use serde_json::{Value, json};

/// Whether the service is alive
///
/// Always 200 while it answers at all, also where it could not run.
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    responses((status = 200, description = "It is", body = serde_json::Value, example = json!({"status": "alive"})))
)]
pub async fn health() -> Json<Value> {
    Json(json!({"status": "alive"}))
}
