//! `GET /reports/{id}/to-label`: images whose corrected masks would tell most.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use bcs_service::Problem;

use crate::app::App;
use crate::error::Error;
use crate::to_label::ToLabel;

/// Images whose corrected masks would tell most
///
/// Up to 10 images of the window of a report, at most two of a case: those that are unusual and of which the model is unsure.
/// The predictor takes a corrected mask at `PUT /predictions/{id}/label`.
#[utoipa::path(
    get,
    path = "/reports/{id}/to-label",
    tag = "drift",
    params(("id" = String, Path, description = "Id of the report, from `GET /reports`",
        example = "2026-11-22_2026-11-23-0f1e2d3c")),
    responses(
        (status = 200, description = "The images, those first that tell most", body = Vec<ToLabel>),
        (status = 404, description = "No report has this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "A bucket cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn to_label(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<ToLabel>>, Error> {
    let Path(id) = id.map_err(|_| Error::NoReport(String::new()))?;
    app.monitor.to_label(&id).await.map(Json)
}
