//! `POST /run`: compares the predictions of a window with the reference.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;
use jiff::Timestamp;
use tokio::time::timeout;

use crate::app::App;
use crate::error::Error;
use crate::monitor::Run;
use crate::openapi::ReportSchema;
use crate::request::RunRequest;

/// Time that a request waits for its report unless the client states another.
const WAIT: Duration = Duration::from_secs(30);

/// Longest time that a request waits.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Compare the predictions of a time window with the drift reference
///
/// By default, the window is the last full days and today, as set in the settings. The report of the same window, records,
/// model and features is made once, so the request may be repeated; new records in the window make a new report.
///
/// A run that takes longer than 30 s goes on after the response 202, whose `location` tells how far it is. The header
/// `Prefer: respond-async` asks for that at once, `Prefer: wait=SECONDS` after another time.
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
        (status = 202, description = "The run goes on",
            headers(("location" = String, description = "Path of the state of the run"))),
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
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let request = RunRequest::from_body(&body?)?;
    let now = Timestamp::now();
    let plan = app.monitor.plan(&request, now).await.inspect_err(|error| count(&app, error))?;
    let state = format!("/runs/{}", plan.id);
    // A separate task, so that neither a client that disconnects nor the end of the wait interrupts it.
    let run = tokio::spawn(async move {
        let run = app.monitor.run(plan).await.inspect_err(|error| count(&app, error))?;
        app.metrics.done(&run, now);
        Ok::<Run, Error>(run)
    });
    match timeout(wait(&headers), run).await {
        Ok(run) => Ok(respond(run.map_err(|error| Error::Internal(error.to_string()))??)),
        Err(_) => Ok((StatusCode::ACCEPTED, [(header::LOCATION, state)]).into_response()),
    }
}

/// Counts a run that failed, unless its request was wrong.
fn count(app: &App, error: &Error) {
    if !error.is_request_error() {
        app.metrics.failed();
    }
}

/// Time that a client waits for the report: `Prefer: respond-async` or `Prefer: wait=SECONDS` (RFC 7240).
fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = preferences.flat_map(|value| value.split(',')).map(str::trim);
    let seconds = preferences.find_map(|preference| match preference {
        "respond-async" => Some(0),
        other => other.strip_prefix("wait=")?.parse().ok(),
    });
    seconds.map_or(WAIT, Duration::from_secs).min(LONGEST_WAIT)
}

fn respond(run: Run) -> Response {
    let status = if run.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/reports/{}", run.report.drift.about.id);
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, location)];
    (status, headers, run.json).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_choose_how_long_they_wait() {
        let of = |preference: &'static str| {
            wait(&HeaderMap::from_iter([("prefer".parse().unwrap(), preference.parse().unwrap())]))
        };
        assert_eq!(wait(&HeaderMap::new()), WAIT);
        assert_eq!(of("respond-async"), Duration::ZERO);
        assert_eq!(of("return=minimal, wait=7"), Duration::from_secs(7));
        assert_eq!(of("wait=100000"), LONGEST_WAIT);
        assert_eq!(of("wait=soon"), WAIT);
    }
}
