//! `GET /reports`: lists all reports.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bcs_service::{Problem, negotiation, page};

use crate::app::App;
use crate::error::Error;
use crate::pages;
use crate::report::Summary;

/// All reports, newest first
///
/// As JSON, or as an HTML page if `Accept` prefers `text/html`.
#[utoipa::path(
    get,
    path = "/reports",
    tag = "drift",
    responses(
        (status = 200, description = "The reports", content(
            (Vec<Summary> = "application/json"),
            (String = "text/html")
        )),
        (status = 503, description = "The bucket cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn reports(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Error> {
    let reports = app.monitor.archive.list().await?;
    let vary = [(header::VARY, "accept")];
    if negotiation::preferred(&headers, [("application/json", false), ("text/html", true)]) {
        return Ok((vary, page::respond(pages::list(&reports), page::STATIC_POLICY)).into_response());
    }
    Ok((vary, Json(reports)).into_response())
}
