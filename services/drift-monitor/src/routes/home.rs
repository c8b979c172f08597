//! `GET /`: the newest report.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use crate::app::App;
use crate::error::Error;
use crate::pages;

/// Redirects to the newest report, or says how to make the first.
pub async fn home(State(app): State<Arc<App>>) -> Result<Response, Error> {
    let reports = app.monitor.archive.list().await?;
    Ok(match reports.first() {
        Some(newest) => Redirect::temporary(&format!("/reports/{}", newest.id)).into_response(),
        None => pages::respond(pages::list(&reports)).into_response(),
    })
}
