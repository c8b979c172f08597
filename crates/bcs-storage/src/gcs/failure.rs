use std::error::Error as _;

use google_cloud_storage::error::WriteError;
use reqwest::StatusCode;

use crate::error::Error;

/// Maximum length of a server's message in an error, in characters.
const MAX_MESSAGE: usize = 300;

/// What went wrong, without store and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no such object or bucket.
    NotFound,
    /// The object has not the generation that the request states.
    Precondition,
    /// The credentials are missing, invalid or not sufficient.
    Permission(String),
    /// The same request may succeed later.
    Retryable(String),
    /// The content changed on its way.
    Damaged,
    /// The session of an upload in parts is gone; the upload has to begin anew.
    Lost,
    /// The same request fails again.
    Rejected(String),
}

impl Failure {
    /// Whether the same request may succeed later.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, Self::Retryable(_) | Self::Damaged | Self::Lost)
    }

    /// Returns the failure of an operation that needs the bucket, but no object.
    pub(super) fn of_bucket(self) -> Self {
        match self {
            Self::NotFound => Self::Rejected("the bucket does not exist".to_owned()),
            failure => failure,
        }
    }

    pub(super) fn at(self, store: &str, key: &str) -> Error {
        let (store, key) = (store.to_owned(), key.to_owned());
        match self {
            Self::NotFound => Error::NotFound { store, key },
            Self::Precondition => Error::Changed { store, key },
            Self::Permission(reason) => Error::PermissionDenied { store, key, reason },
            Self::Retryable(reason) => Error::Unavailable { store, key, reason },
            Self::Damaged => {
                let reason = "the checksum of what arrived differs from that of what was sent".to_owned();
                Error::Unavailable { store, key, reason }
            }
            Self::Lost => {
                let reason = "the session of the upload is lost".to_owned();
                Error::Unavailable { store, key, reason }
            }
            Self::Rejected(reason) => Error::Rejected { store, key, reason },
        }
    }

    /// Classifies a response that is not a success.
    pub(super) fn from_status(status: StatusCode, message: &str) -> Self {
        let message: String = message.trim().chars().take(MAX_MESSAGE).collect();
        let reason = if message.is_empty() { status.to_string() } else { format!("{status}: {message}") };
        match status {
            StatusCode::BAD_REQUEST if message.to_ascii_lowercase().contains("crc32c") => Self::Damaged,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::PRECONDITION_FAILED => Self::Precondition,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Permission(reason),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Self::Retryable(reason),
            status if status.is_server_error() => Self::Retryable(reason),
            _ => Self::Rejected(reason),
        }
    }
}

impl From<google_cloud_storage::Error> for Failure {
    fn from(error: google_cloud_storage::Error) -> Self {
        let source = error.source().and_then(|source| source.downcast_ref::<WriteError>());
        if matches!(source, Some(WriteError::ChecksumMismatch { .. })) {
            return Self::Damaged;
        }
        let status = error.http_status_code().and_then(|code| StatusCode::from_u16(code).ok());
        if let Some(status) = status {
            let body = error.http_payload().map(|payload| String::from_utf8_lossy(payload).into_owned());
            return Self::from_status(status, &body.unwrap_or_default());
        }
        if error.is_authentication() && !error.is_transient_and_before_rpc() {
            return Self::Permission(chain(&error));
        }
        // A request that cannot be made fails again; all others were lost or cut off on their way.
        if error.is_binding() { Self::Rejected(chain(&error)) } else { Self::Retryable(chain(&error)) }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() { Self::Rejected(chain(&error)) } else { Self::Retryable(chain(&error)) }
    }
}

impl From<google_cloud_auth::errors::CredentialsError> for Failure {
    fn from(error: google_cloud_auth::errors::CredentialsError) -> Self {
        if error.is_transient() { Self::Retryable(chain(&error)) } else { Self::Permission(chain(&error)) }
    }
}

/// Returns the message of an error and those of its sources that add to it.
pub(super) fn chain(error: &impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_told_apart() {
        let of = |code| Failure::from_status(StatusCode::from_u16(code).unwrap(), "why");
        let damaged = "Provided CRC32C \"AAAAAA==\" doesn't match calculated CRC32C";
        assert_eq!(Failure::from_status(StatusCode::BAD_REQUEST, damaged), Failure::Damaged);
        assert_eq!((of(404), of(412)), (Failure::NotFound, Failure::Precondition));
        for code in [401, 403] {
            assert!(matches!(of(code), Failure::Permission(reason) if reason.contains("why")), "{code}");
        }
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(of(code).is_retryable(), "{code}");
        }
        for code in [400, 405, 411, 413, 416] {
            assert!(matches!(of(code), Failure::Rejected(_)), "{code}");
        }
    }

    #[test]
    fn errors_name_store_and_key() {
        let failures = [
            Failure::NotFound,
            Failure::Precondition,
            Failure::Permission("no role".to_owned()),
            Failure::Retryable("503".to_owned()),
            Failure::Damaged,
            Failure::Lost,
            Failure::Rejected("400".to_owned()),
        ];
        for failure in failures {
            let error = failure.clone().at("gs://bucket", "a/b.json");
            let text = error.to_string();
            assert!(text.contains("gs://bucket") && text.contains("a/b.json"), "{text}");
            assert_eq!(error.is_retryable(), failure.is_retryable());
        }
        assert!(
            Failure::from_status(StatusCode::BAD_GATEWAY, &"x".repeat(9000)).at("s", "k").to_string().len()
                < 500
        );
    }
}
