//! Errors of runs and requests, and their HTTP responses. This is the only place where errors become problems.

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bcs_service::{Failure, Problem};

use crate::{baseline, window};

/// `Retry-After` in seconds if a store or the model package fails.
const OUTAGE_RETRY: u32 = 5;

/// Why a run or a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is incomplete or too long.
    #[error(transparent)]
    Upload(#[from] BytesRejection),
    /// The body is not JSON.
    #[error(
        "the body is not JSON ({0}); send an empty body or an object such as {{\"from\": \"2026-11-22\"}}"
    )]
    Body(String),
    /// The body is JSON, but not a valid request.
    #[error("the body is invalid: {0}; GET /docs describes it")]
    Request(String),
    /// The window is invalid.
    #[error(transparent)]
    Window(#[from] window::Error),
    /// The reference does not have the requested features.
    #[error("the reference has no feature {unknown}; it has {known}")]
    UnknownFeatures {
        /// Features that the reference does not have.
        unknown: String,
        /// Features of the reference.
        known: String,
    },
    /// The drift reference cannot be read.
    #[error(transparent)]
    Baseline(#[from] baseline::Error),
    /// Reference and records cannot be compared.
    #[error("the predictions cannot be compared with the reference: {0}")]
    Drift(#[from] bcs_drift::Error),
    /// A bucket failed.
    #[error(transparent)]
    Store(#[from] bcs_storage::Error),
    /// No report has this id.
    #[error("there is no report '{0}'; GET /reports lists the reports")]
    NoReport(String),
    /// Neither the drift reference nor any record of the window has this model version.
    #[error("no prediction of the window is of the model version '{version}'; known versions: {known}")]
    UnknownVersion {
        /// The requested version.
        version: String,
        /// Versions of the drift reference and of the records.
        known: String,
    },
    /// The run that several requests shared failed.
    #[error(transparent)]
    Shared(Arc<Error>),
    /// No run has this id.
    #[error("there is no run '{0}'; POST /run starts one")]
    NoRun(String),
    /// The server is stopping.
    #[error("the server is stopping; try again")]
    Stopping,
    /// Records cannot be written as Parquet.
    #[error("the records cannot be written as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A bug of the program.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Whether the request is at fault, rather than model, records or stores.
    pub fn is_request_error(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_request_error(),
            error => error.status().is_client_error() && !matches!(error, Self::Drift(_)),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Upload(rejection) => rejection.status(),
            Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Request(_)
            | Self::Window(_)
            | Self::UnknownFeatures { .. }
            | Self::UnknownVersion { .. }
            | Self::Drift(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Shared(error) => error.status(),
            Self::Baseline(_) | Self::Store(_) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoReport(_) | Self::NoRun(_) => StatusCode::NOT_FOUND,
            Self::Parquet(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Logs the error and returns it as a problem.
    pub fn into_problem(self) -> Problem {
        let (status, error) = (self.status(), self.to_string());
        if status.is_server_error() {
            tracing::error!(error, "Request failed.");
        } else {
            tracing::debug!(error, "Request failed.");
        }
        let problem = Problem::new(status, self.detail());
        if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(OUTAGE_RETRY) } else { problem }
    }

    /// Returns the detail for clients, who are not told where the stores are.
    pub fn detail(&self) -> String {
        match self {
            Self::Shared(error) => error.detail(),
            Self::Upload(_) => "the body is incomplete or too long; send at most 64 KiB of JSON".to_owned(),
            Self::Store(_) => {
                "a bucket cannot be used now; try again; the log of the server has the reason".to_owned()
            }
            Self::Baseline(baseline::Error::Store(bcs_storage::Error::NotFound { key, .. })) => {
                format!("the model package has no {key}; set MODEL_PATH to a package with a drift reference")
            }
            Self::Baseline(baseline::Error::Store(_)) => {
                "the model package cannot be read now; try again; the log of the server has the reason"
                    .to_owned()
            }
            Self::Internal(_) => "internal error; the log of the server has the details".to_owned(),
            told => told.to_string(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_request_error() { Self::usage(error) } else { Self::failed(error) }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.into_problem().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_have_retry_after_and_do_not_reveal_the_store() {
        let error: Error =
            bcs_storage::Error::NotFound { store: "/srv/bucket".into(), key: "k".into() }.into();
        assert!(!error.detail().contains("/srv/bucket"));
        let store =
            || bcs_storage::Error::NotFound { store: "/srv/models".into(), key: "reference.json".into() };
        let baseline = Error::from(baseline::Error::from(store())).detail();
        assert!(baseline.contains("reference.json") && !baseline.contains("/srv"), "{baseline}");
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
    }

    #[test]
    fn only_request_errors_are_usage_errors() {
        assert!(Error::Window(window::Error::Length).is_request_error());
        assert!(!Error::Stopping.is_request_error());
        assert!(!Error::Drift(bcs_drift::Error::NoImages).is_request_error());
    }
}
