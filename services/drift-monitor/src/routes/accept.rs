//! `POST /reports/{id}/accept`: accepts the records of a report as the new baseline.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bcs_service::Problem;
use bcs_service::guard::tokens::Caller;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::baselines::Acceptance;
use crate::error::Error;

/// Who accepts a baseline, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// Who accepts it; where ID tokens are needed, the e-mail address of the token counts instead.
    #[schema(example = "Dr. A. Smith")]
    pub who: Option<String>,
    /// Why the difference is no fault.
    #[schema(example = "new stainer, validated on 20 November")]
    pub why: String,
}

/// Accept the records of a report as the new baseline
///
/// Later predictions of the same model, and of the same source if the report has one, are compared with them in place of the
/// drift reference of the model package. Baselines are kept with who accepted them, when and why.
#[utoipa::path(
    post,
    path = "/reports/{id}/accept",
    tag = "drift",
    params(("id" = String, Path, description = "Id of the report, from `GET /reports`",
        example = "2026-11-22_2026-11-23-0f1e2d3c")),
    request_body(content = AcceptRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "The baseline is stored", body = Acceptance),
        (status = 401, description = "OIDC_AUDIENCE is set, and the request has no valid ID token", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The ID token is valid, but its e-mail address may not call", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "No report has this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The body lacks who or why, or the report has too few cases", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "A bucket cannot be used now", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u32, description = "Seconds to wait before trying again")))
    )
)]
pub async fn accept(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    caller: Option<Extension<Caller>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let Path(id) = id.map_err(|_| Error::NoReport(String::new()))?;
    let AcceptRequest { who, why } =
        serde_json::from_slice(&body?).map_err(|error| Error::Request(error.to_string()))?;
    let who = caller.map(|Extension(Caller(email))| email).or(who).filter(|who| !who.trim().is_empty());
    let who = who.ok_or_else(|| Error::Request("'who' must say who accepts the baseline".to_owned()))?;
    if why.trim().is_empty() {
        return Err(Error::Request("'why' must say why the difference is no fault".to_owned()));
    }
    let acceptance = app.monitor.accept(&id, who, why, Timestamp::now()).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, "/baselines")], Json(acceptance)).into_response())
}
