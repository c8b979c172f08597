//! `GET /runs/{id}`: how far a run is.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;

use crate::app::App;
use crate::error::Error;
use crate::lease::{self, RunState};

/// How far a run is
///
/// The state of a run that `POST /run` has answered with 202. Once there is a report, the response leads to it.
#[utoipa::path(
    get,
    path = "/runs/{id}",
    tag = "drift",
    params(("id" = String, Path, description = "Id of the run, from the `location` of `POST /run`",
        example = "0f1e2d3c4b5a6978")),
    responses(
        (status = 200, description = "The run is not done, or has failed", body = RunState),
        (status = 303, description = "The run is done", body = RunState,
            headers(("location" = String, description = "Path of the report"))),
        (status = 404, description = "No run has this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "The bucket cannot be read now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn state(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Error> {
    let Path(id) = id.map_err(|_| Error::NoRun(String::new()))?;
    let state = lease::state(app.monitor.archive.store(), &id).await?.ok_or(Error::NoRun(id))?;
    Ok(match &state.report {
        None => Json(state).into_response(),
        Some(report) => {
            let location = [(header::LOCATION, format!("/reports/{report}"))];
            (StatusCode::SEE_OTHER, location, Json(state)).into_response()
        }
    })
}
