//! Deadline and cancellation of a request.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::sync::CancellationToken;

/// Deadline of requests that did not come through [`super::serve()`].
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Deadline and cancellation of a request, as an extractor.
#[derive(Debug, Clone)]
pub struct RequestScope {
    /// Cancelled when the client leaves or the server stops waiting for the request.
    pub token: CancellationToken,
    /// Time by which the request must be answered.
    pub deadline: Instant,
}

impl<S: Send + Sync> FromRequestParts<S> for RequestScope {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| Self {
            token: CancellationToken::new(),
            deadline: Instant::now() + DEFAULT_TIMEOUT,
        }))
    }
}
