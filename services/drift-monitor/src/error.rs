//! Why a run or a request failed, and how HTTP says it. Every error becomes a problem here and nowhere else.

use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;

use crate::{baseline, window};

/// Seconds after which a store or a package that fails may have recovered.
const OUTAGE_RETRY: u32 = 5;

/// Why a run or a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body breaks off or is too long.
    #[error(transparent)]
    Upload(#[from] BytesRejection),
    /// The body is no JSON.
    #[error("the body is no JSON ({0}); send none, or an object such as {{\"from\": \"2026-11-22\"}}")]
    Body(String),
    /// The body is JSON that says something else.
    #[error("the body can't be used: {0}; GET /docs says what it may hold")]
    Request(String),
    /// There is no such window.
    #[error(transparent)]
    Window(#[from] window::Error),
    /// Features were named that the reference does not have.
    #[error("the reference has no feature {unknown}; it has {known}")]
    UnknownFeatures {
        /// Those named.
        unknown: String,
        /// Those there are.
        known: String,
    },
    /// There is nothing to measure drift against.
    #[error(transparent)]
    Baseline(#[from] baseline::Error),
    /// Reference and records can't be compared.
    #[error("the predictions can't be compared with the reference: {0}")]
    Drift(#[from] bcs_drift::Error),
    /// A bucket failed.
    #[error(transparent)]
    Store(#[from] bcs_storage::Error),
    /// No report has this id.
    #[error("there is no report '{0}'; GET /reports lists them")]
    NoReport(String),
    /// The server stops.
    #[error("the server is stopping; try again")]
    Stopping,
    /// The program's own mistake.
    #[error("the program made a mistake: {0}")]
    Internal(String),
}

impl Error {
    /// Whether another request would help, with the same model and records.
    pub fn is_the_requests(&self) -> bool {
        self.status().is_client_error() && !matches!(self, Self::Drift(_))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Upload(rejection) => rejection.status(),
            Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Request(_) | Self::Window(_) | Self::UnknownFeatures { .. } | Self::Drift(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Baseline(_) | Self::Store(_) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoReport(_) => StatusCode::NOT_FOUND,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What clients are told: where buckets lie is not their business.
    fn detail(&self) -> String {
        match self {
            Self::Upload(_) => "the body breaks off or is too long; a few lines of JSON will do".to_owned(),
            Self::Store(_) => "a bucket can't be used now; try again, and see the log for why".to_owned(),
            Self::Internal(_) => "the server made a mistake; it is in its log".to_owned(),
            told => told.to_string(),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let problem = Self::new(error.status(), error.detail());
        if problem.status() == StatusCode::SERVICE_UNAVAILABLE {
            return problem.retry_after(OUTAGE_RETRY);
        }
        problem
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::error!(error = self.to_string(), "Not answered.");
        } else {
            tracing::debug!(error = self.to_string(), "Not answered.");
        }
        Problem::from(&self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_says_when_to_come_back_and_not_where_the_bucket_lies() {
        let error: Error =
            bcs_storage::Error::NotFound { store: "/srv/bucket".into(), key: "k".into() }.into();
        assert!(!error.detail().contains("/srv/bucket"));
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
    }

    #[test]
    fn only_the_requests_own_errors_are_usage() {
        assert!(Error::Window(window::Error::Length).is_the_requests());
        assert!(!Error::Stopping.is_the_requests());
        assert!(!Error::Drift(bcs_drift::Error::NoImages).is_the_requests());
    }
}
