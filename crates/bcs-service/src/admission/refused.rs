use axum::http::StatusCode;

use crate::problem::Problem;

/// `Retry-After` in seconds of a request that can be tried again at once.
const RETRY: u32 = 1;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Other requests hold the memory.
    #[error("the server is busy with other images; try again later")]
    Busy {
        /// Seconds to wait before trying again.
        retry_after: u32,
    },
    /// The time for the request is over.
    #[error(
        "the request took longer than the server allows; try again, or split the image into smaller regions"
    )]
    Deadline,
    /// The client has left, or the server is stopping.
    #[error("the request was cancelled; try again")]
    Cancelled,
    /// The upload was too slow while others waited for its memory.
    #[error("the upload was too slow while other requests waited; send it again without pauses")]
    Slow,
    /// The request needs more memory than the limit.
    #[error(
        "the request needs {bytes} bytes of memory, more than the {limit} that one may use; split the image into \
         smaller regions"
    )]
    TooLarge {
        /// Bytes that the request needs.
        bytes: u64,
        /// Bytes that one request may use.
        limit: u64,
    },
}

impl Refused {
    /// Returns the HTTP status: 408, 413, 429 or 503.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Deadline | Self::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let problem = Self::new(refused.status(), refused.to_string());
        match refused {
            Refused::Busy { retry_after } => problem.retry_after(retry_after),
            Refused::Deadline | Refused::Cancelled | Refused::Slow => problem.retry_after(RETRY),
            Refused::TooLarge { .. } => problem,
        }
    }
}
