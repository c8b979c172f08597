//! `GET /ready`: a run could be done now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bcs_service::Problem;
use bcs_service::health::State as Readiness;
use jiff::Timestamp;

use crate::app::App;
use crate::error::Error;

/// Whether a run could be done now
///
/// 200 where the reference can be read and both buckets can be used; 503 with the reason where not.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "service",
    responses(
        (status = 200, description = "It could", body = Readiness, example = json!({"status": "ready"})),
        (status = 503, description = "It could not, and why", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Service Unavailable", "status": 503,
                "detail": "the server is stopping; try again"}))
    )
)]
pub async fn ready(State(app): State<Arc<App>>) -> Result<Json<Readiness>, Error> {
    if app.health.state() == Readiness::Stopping {
        return Err(Error::Stopping);
    }
    app.monitor.check(Timestamp::now()).await?;
    Ok(Json(Readiness::Ready))
}
