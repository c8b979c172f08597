//! Style sheet and response headers of HTML pages. Pages load nothing from other servers.

use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;

/// Style sheet of all pages: palette (light and dark), typography, tables and badges.
pub const STYLE: &str = include_str!("page.css");

/// Content security policy of a page without scripts: an inline style sheet, embedded images, and nothing else.
pub const STATIC_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Returns an HTML page as a response with a content security policy. Clients revalidate it on every use.
pub fn respond(page: impl Into<Body>, policy: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, page.into())
}
