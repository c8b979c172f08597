//! `GET /`: a page to drop an image on.

use axum::http::header;
use axum::response::{Html, IntoResponse};

/// Everything that the page is: it loads nothing from elsewhere.
const PAGE: &str = include_str!("../viewer.html");

/// What the page may do: its own style and script, and requests to this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub async fn viewer() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-cache")], Html(PAGE))
}
