//! `GET /`: the newest report.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bcs_service::page;

use crate::app::App;
use crate::error::Error;
use crate::pages;

/// Redirects to the newest report, or explains how to make the first one.
pub async fn home(State(app): State<Arc<App>>) -> Result<Response, Error> {
    let reports = app.monitor.archive.list().await?;
    Ok(match reports.first() {
        Some(newest) => Redirect::temporary(&format!("/reports/{}", newest.id)).into_response(),
        None => page::respond(pages::list(&reports), page::STATIC_POLICY).into_response(),
    })
}
