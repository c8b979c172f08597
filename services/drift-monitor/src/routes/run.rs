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

/// Compare the predictions of a window with the reference
///
/// Without a body: the last full days and today, as the settings say. The same window with the same records, model and
/// features gives the same report, made once, however often and at once it is asked for; records that came in since
/// make a new one. So a scheduler may call twice.
#[utoipa::path(
    post,
    path = "/run",
    tag = "drift",
    request_body(content = Option<RunRequest>, description = "What to narrow the run to; may be empty",
        content_type = "application/json"),
    responses(
        (status = 201, description = "The report was made", body = ReportSchema,
            headers(("location" = String, description = "Where the report is"))),
        (status = 200, description = "The report was there already", body = ReportSchema,
            headers(("location" = String, description = "Where the report is"))),
        (status = 400, description = "The body is no JSON", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The body has an unknown key or value, or says no window", body = Problem,
            content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422,
                "detail": "a window has 1 to 397 days; narrow it"})),
        (status = 503, description = "No reference, or a bucket fails; see `Retry-After`", body = Problem,
            content_type = "application/problem+json")
    )
)]
pub async fn run(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let request = RunRequest::from_body(&body?)?;
    // On its own, so that a caller who leaves does not cut it off between page and report.
    let run = tokio::spawn(async move {
        let now = Timestamp::now();
        let run = app.monitor.run(&request, now).await;
        match &run {
            Ok(run) => app.metrics.done(run, now),
            Err(error) if error.is_the_requests() => {}
            Err(_) => app.metrics.failed(),
        }
        run
    });
    Ok(answer(run.await.map_err(|error| Error::Internal(error.to_string()))??))
}

fn answer(run: Run) -> Response {
    let status = if run.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/reports/{}", run.report.drift.about.id);
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, location)];
    (status, headers, run.json).into_response()
}
