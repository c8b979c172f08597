//! `GET /reports`: all reports.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;

use crate::app::App;
use crate::error::Error;
use crate::negotiation::Format;
use crate::pages;
use crate::report::Summary;

/// All reports, the newest first
///
/// JSON, or a page for who prefers `text/html`.
#[utoipa::path(
    get,
    path = "/reports",
    tag = "drift",
    responses(
        (status = 200, description = "The reports", content(
            (Vec<Summary> = "application/json"),
            (String = "text/html")
        )),
        (status = 503, description = "The bucket can't be read now; see `Retry-After`", body = Problem,
            content_type = "application/problem+json")
    )
)]
pub async fn reports(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Error> {
    let reports = app.monitor.archive.list().await?;
    let vary = [(header::VARY, "accept")];
    Ok(match Format::preferred(&headers, Format::Json) {
        Format::Json => (vary, Json(reports)).into_response(),
        Format::Html => (vary, pages::respond(pages::list(&reports))).into_response(),
    })
}
