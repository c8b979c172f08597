//! `GET /reports/{id}/to-label`: images whose corrected masks would tell most.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use bcs_drift::report::ShownImage;
use bcs_service::Problem;

use crate::app::App;
use crate::error::Error;
use crate::openapi::ImageSchema;

/// Images whose corrected masks would tell most
///
/// Up to 10 images of a report of which the model is uncertain and that differ from each other.
/// The predictor takes a corrected mask at `PUT /predictions/{id}/label`.
#[utoipa::path(
    get,
    path = "/reports/{id}/to-label",
    tag = "drift",
    params(("id" = String, Path, description = "Id of the report, from `GET /reports`",
        example = "2026-11-22_2026-11-23-0f1e2d3c")),
    responses(
        (status = 200, description = "The images, those first that tell most", body = Vec<ImageSchema>),
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
) -> Result<Json<Vec<ShownImage>>, Error> {
    let Path(id) = id.map_err(|_| Error::NoReport(String::new()))?;
    app.monitor.to_label(&id).await.map(Json)
}
