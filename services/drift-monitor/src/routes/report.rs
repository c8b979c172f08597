//! `GET /reports/{id}`: one report.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bcs_service::{Problem, negotiation, page};

use crate::app::App;
use crate::error::Error;
use crate::openapi::ReportSchema;

/// One report
///
/// As an HTML page, or as JSON if `Accept` prefers `application/json`.
#[utoipa::path(
    get,
    path = "/reports/{id}",
    tag = "drift",
    params(("id" = String, Path, description = "Id of the report, from `GET /reports`",
        example = "2026-11-22_2026-11-23-0f1e2d3c")),
    responses(
        (status = 200, description = "The report as stored", content(
            (String = "text/html"),
            (ReportSchema = "application/json")
        )),
        (status = 404, description = "No report has this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "The bucket cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn report(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    // An id that is not UTF-8 is none that exists.
    let Path(id) = id.map_err(|_| Error::NoReport("?".to_owned()))?;
    let archive = &app.monitor.archive;
    // Read for pages, too: a page without its JSON is from a run in progress.
    let json = archive.json(&id).await?;
    let vary = [(header::VARY, "accept")];
    if negotiation::preferred(&headers, [("text/html", true), ("application/json", false)]) {
        let page = archive.page(&id).await?;
        return Ok((vary, page::respond(page, page::STATIC_POLICY)).into_response());
    }
    Ok((vary, [(header::CONTENT_TYPE, "application/json")], json).into_response())
}
