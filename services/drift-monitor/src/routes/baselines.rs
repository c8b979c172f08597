//! `GET /baselines`: lists all accepted baselines.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bcs_service::Problem;

use crate::app::App;
use crate::baselines::Acceptance;
use crate::error::Error;

/// Accepted baselines, newest first
///
/// The newest one of a model and source, or else of the model, is what predictions are compared with, in place of the drift
/// reference of the model package.
#[utoipa::path(
    get,
    path = "/baselines",
    tag = "drift",
    responses(
        (status = 200, description = "The baselines", body = Vec<Acceptance>),
        (status = 503, description = "The bucket cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn baselines(State(app): State<Arc<App>>) -> Result<Json<Vec<Acceptance>>, Error> {
    app.monitor.baselines.list().await.map(Json)
}
