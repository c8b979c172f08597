//! `POST /run`: compares the predictions of a window with the reference.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;
use jiff::Timestamp;

use crate::app::App;
use crate::error::Error;
use crate::monitor::Run;
use crate::openapi::ReportSchema;
use crate::request::RunRequest;

/// Compare the predictions of a time window with the drift reference
///
/// By default, the window is the last full days and today, as set in the settings. The report of the same window, records,
/// model and features is made once, so the request may be repeated; new records in the window make a new report.
#[utoipa::path(
    post,
    path = "/run",
    tag = "drift",
    request_body(content = Option<RunRequest>, description = "What to compare; may be empty",
        content_type = "application/json"),
    responses(
        (status = 201, description = "The report is new", body = ReportSchema,
            headers(("location" = String, description = "Path of the report"))),
        (status = 200, description = "The report was already stored", body = ReportSchema,
            headers(("location" = String, description = "Path of the report"))),
        (status = 400, description = "The body is not JSON", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "OIDC_AUDIENCE is set, and the request has no valid ID token", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The ID token is valid, but its e-mail address may not call", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The body has an unknown key, an invalid value or an invalid window", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422,
                "detail": "a window must have 1 to 397 days; choose another one"})),
        (status = 503, description = "The drift reference or a bucket cannot be used", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn run(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let request = RunRequest::from_body(&body?)?;
    // A separate task, so that a client that disconnects does not interrupt it between page and report.
    let run = tokio::spawn(async move {
        let now = Timestamp::now();
        let run = app.monitor.run(&request, now).await;
        match &run {
            Ok(run) => app.metrics.done(run, now),
            Err(error) if error.is_request_error() => {}
            Err(_) => app.metrics.failed(),
        }
        run
    });
    Ok(respond(run.await.map_err(|error| Error::Internal(error.to_string()))??))
}

fn respond(run: Run) -> Response {
    let status = if run.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/reports/{}", run.report.drift.about.id);
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, location)];
    (status, headers, run.json).into_response()
}
