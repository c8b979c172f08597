use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Time for which browsers remember what is allowed.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Headers of requests beyond those that browsers always send.
const REQUEST_HEADERS: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("x-case"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-source"),
];

/// Headers of responses that pages may read.
const RESPONSE_HEADERS: [HeaderName; 5] = [
    header::RETRY_AFTER,
    HeaderName::from_static("x-drift-score"),
    HeaderName::from_static("x-model-version"),
    HeaderName::from_static("x-prediction-id"),
    HeaderName::from_static("x-request-id"),
];

/// Returns the middleware that lets pages of these origins call the server; `None` if there are no such origins.
pub(super) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let layer = || {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins.iter().cloned()))
            .allow_methods([Method::GET, Method::POST, Method::PUT])
            .allow_headers(REQUEST_HEADERS)
            .expose_headers(RESPONSE_HEADERS)
            .max_age(MAX_AGE)
    };
    (!origins.is_empty()).then(layer)
}

/// Checks that a text is an origin: scheme, host and perhaps a port, without a path.
///
/// # Errors
/// What it must be.
pub fn check_origin(text: &str) -> Result<HeaderValue, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let valid = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte))
    };
    let value = host.filter(|host| valid(host)).and_then(|_| HeaderValue::from_str(text).ok());
    value.ok_or_else(|| format!("'{text}' is not an origin; write it as https://HOST or https://HOST:PORT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_no_path() {
        for origin in ["https://viewer.example.org", "http://localhost:3000"] {
            assert_eq!(check_origin(origin).unwrap(), origin);
        }
        for origin in ["*", "viewer.example.org", "https://a/", "https://", "https://a b"] {
            assert!(check_origin(origin).unwrap_err().contains(origin));
        }
    }
}
