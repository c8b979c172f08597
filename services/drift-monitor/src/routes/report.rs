//! `GET /reports/{id}`: one report.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;

use crate::app::App;
use crate::error::Error;
use crate::negotiation::Format;
use crate::openapi::ReportSchema;
use crate::pages;

/// One report
///
/// A page, or JSON for who prefers `application/json`.
#[utoipa::path(
    get,
    path = "/reports/{id}",
    tag = "drift",
    params(("id" = String, Path, description = "As `GET /reports` lists it",
        example = "2026-11-22_2026-11-23-0f1e2d3c")),
    responses(
        (status = 200, description = "The report as it is stored", content(
            (String = "text/html"),
            (ReportSchema = "application/json")
        )),
        (status = 404, description = "There is none with this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "The bucket can't be read now; see `Retry-After`", body = Problem,
            content_type = "application/problem+json")
    )
)]
pub async fn report(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let archive = &app.monitor.archive;
    // First in either case: a page without it is of a run that has not ended.
    let json = archive.json(&id).await?;
    let vary = [(header::VARY, "accept")];
    Ok(match Format::preferred(&headers, Format::Html) {
        Format::Json => (vary, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Format::Html => (vary, pages::respond(archive.page(&id).await?)).into_response(),
    })
}
