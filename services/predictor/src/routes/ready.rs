//! `GET /ready`: a model has answered.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bcs_service::Problem;
use bcs_service::health::State as Readiness;

use crate::app::App;
use crate::error::Error;

/// Whether predictions are answered
///
/// 200 once the model has answered a blank tile; 503 with the reason before, and where it can't.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "service",
    responses(
        (status = 200, description = "They are", body = Readiness, example = json!({"status": "ready"})),
        (status = 503, description = "They are not, and why", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Service Unavailable", "status": 503,
                "detail": "the model is being opened; try again"}))
    )
)]
pub async fn ready(State(app): State<Arc<App>>) -> Result<Json<Readiness>, Error> {
    match app.health.state() {
        Readiness::Ready => Ok(Json(Readiness::Ready)),
        state => Err(Error::NotReady(state)),
    }
}
