//! Errors of requests and their HTTP responses. This is the only place where errors become problems.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;
use bcs_service::admission::Refused;
use bcs_service::health::State;

use crate::upload::FIELDS;

/// `Retry-After` in seconds if the queue is full.
const QUEUE_RETRY: u32 = 1;

/// `Retry-After` in seconds if the model or the store fails.
const OUTAGE_RETRY: u32 = 5;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not valid multipart data.
    #[error("the body is not a complete multipart/form-data ({0}); send the image in the field 'data'")]
    Multipart(String),
    /// The body ended before it was complete.
    #[error("the body is not complete: {0}")]
    Body(String),
    /// No field of the form has the name of an image field.
    #[error("the form has no image; send it in the field 'data' (or {})", FIELDS[1..].join(", "))]
    NoImage,
    /// Several fields of the form are images.
    #[error("the form has more than one image; send one image per request")]
    SeveralImages,
    /// The body is larger than allowed.
    #[error(
        "the upload is larger than the limit of {limit} bytes; compress the image or split it into smaller regions"
    )]
    UploadTooLarge {
        /// Limit in bytes.
        limit: u64,
    },
    /// The query has an unknown parameter or an invalid value.
    #[error("the query is invalid: {0}")]
    Query(String),
    /// A request header is invalid.
    #[error("the header {name} {reason}")]
    Header {
        /// Name of the header.
        name: &'static str,
        /// What it must be.
        reason: String,
    },
    /// The image cannot be decoded, or the response cannot be encoded.
    #[error(transparent)]
    Image(#[from] bcs_imaging::Error),
    /// The decoder panicked.
    #[error(
        "the image is damaged in a way that the decoder cannot handle; save it again, for example as PNG"
    )]
    Undecodable,
    /// Inference failed.
    #[error(transparent)]
    Inference(#[from] bcs_inference::Error),
    /// There is no memory or time for the request, or it was cancelled.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The model is not ready.
    #[error("{}", not_ready(.0))]
    NotReady(State),
    /// The store failed.
    #[error("the prediction cannot be stored now, so it is not returned; try again")]
    Store(#[source] bcs_storage::Error),
    /// No prediction has this id.
    #[error("there is no prediction '{0}'; the response header x-prediction-id has the id of a prediction")]
    NoPrediction(String),
    /// The body is not the JSON that the route takes.
    #[error("the body is not what this route takes: {0}; GET /docs describes it")]
    Json(String),
    /// One of several images failed.
    #[error("instances[{at}]: {error}")]
    Instance {
        /// Its position, from 0.
        at: usize,
        /// Why.
        error: Box<Self>,
    },
    /// An object that a request names cannot be an image.
    #[error("{uri} cannot be read: {reason}")]
    Source {
        /// URI of the object.
        uri: String,
        /// Why.
        reason: String,
    },
    /// An object that a request names does not exist.
    #[error("there is no object {0}")]
    NoObject(String),
    /// The bucket of an object that a request names fails.
    #[error("the bucket of the image cannot be read now; try again")]
    SourceStore(#[source] bcs_storage::Error),
    /// A corrected mask does not belong to its prediction.
    #[error("{0}")]
    Label(String),
    /// A bug of the server.
    #[error("internal error ({0}); the log of the server has the details")]
    Internal(String),
}

fn not_ready(state: &State) -> String {
    match state {
        State::Starting => "the model is loading; try again".to_owned(),
        State::Failed(reason) => reason.clone(),
        State::Stopping => "the server is stopping; try again".to_owned(),
        State::Ready => "the model has become ready; try again".to_owned(),
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Multipart(_)
            | Self::Body(_)
            | Self::Json(_)
            | Self::NoImage
            | Self::SeveralImages
            | Self::Header { .. }
            | Self::Undecodable => StatusCode::BAD_REQUEST,
            Self::UploadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Query(_) | Self::Label(_) | Self::Source { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Instance { error, .. } => error.status(),
            Self::Image(error) => status_of_image(error),
            Self::Inference(error) => status_of_inference(error),
            Self::Refused(refused) => refused.status(),
            Self::NotReady(_) | Self::Store(_) | Self::SourceStore(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoPrediction(_) | Self::NoObject(_) => StatusCode::NOT_FOUND,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the outcome label of the error in metrics.
    pub fn outcome(&self) -> &'static str {
        match self.status() {
            StatusCode::BAD_REQUEST => "malformed",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::REQUEST_TIMEOUT => "slow",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported",
            StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
            StatusCode::TOO_MANY_REQUESTS => "queue_full",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            _ => "failed",
        }
    }
}

fn status_of_image(error: &bcs_imaging::Error) -> StatusCode {
    use bcs_imaging::Error as Image;
    match error {
        Image::Empty | Image::Damaged { .. } | Image::NotAMask { .. } => StatusCode::BAD_REQUEST,
        Image::UnknownFormat | Image::Unsupported { .. } | Image::Lossy { .. } => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        Image::TooManyPixels { .. } | Image::TooMuchMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Image::UnknownColormap { .. } | Image::TooManyRegions => StatusCode::UNPROCESSABLE_ENTITY,
        Image::Encode { .. } | Image::SizeMismatch { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_inference(error: &bcs_inference::Error) -> StatusCode {
    use bcs_inference::Error as Inference;
    match error {
        Inference::Image(error) => status_of_image(error),
        Inference::TooSmall { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Inference::Window { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        Inference::QueueFull(_) => StatusCode::TOO_MANY_REQUESTS,
        // A fault of the model, not of the image: another replica may answer.
        Inference::Model(_) | Inference::Stopped | Inference::Engine(_) => StatusCode::SERVICE_UNAVAILABLE,
        Inference::Cancelled | Inference::Deadline => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Error::Refused(refused) = error {
            return refused.into();
        }
        let problem = Self::new(error.status(), error.to_string());
        match problem.status() {
            StatusCode::TOO_MANY_REQUESTS => problem.retry_after(QUEUE_RETRY),
            StatusCode::SERVICE_UNAVAILABLE => problem.retry_after(OUTAGE_RETRY),
            _ => problem,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match &self {
            Self::Store(error) | Self::SourceStore(error) => {
                tracing::error!(error = error.to_string(), "The store failed.");
            }
            Self::Internal(error) => tracing::error!(error, "Internal error."),
            _ => tracing::debug!(error = self.to_string(), "Request failed."),
        }
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_errors_have_retry_after() {
        let full = Error::from(bcs_inference::Error::QueueFull(32)).into_response();
        assert_eq!(
            (full.status(), &full.headers()["retry-after"]),
            (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
        );
        let starting = Error::NotReady(State::Starting).into_response();
        assert_eq!(starting.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(starting.headers().contains_key("retry-after"));
    }

    #[test]
    fn invalid_images_are_client_errors() {
        let image = |error: bcs_imaging::Error| Error::from(error).status().as_u16();
        assert_eq!(image(bcs_imaging::Error::Empty), 400);
        assert_eq!(image(bcs_imaging::Error::Damaged { format: "png", reason: String::new() }), 400);
        assert_eq!(image(bcs_imaging::Error::UnknownFormat), 415);
        assert_eq!(image(bcs_imaging::Error::TooManyPixels { width: 1, height: 1, limit: 0 }), 413);
        assert_eq!(Error::Undecodable.status(), 400);
        let header = Error::Header { name: "x-case", reason: "must be shorter".to_owned() };
        assert_eq!((header.status().as_u16(), header.outcome()), (400, "malformed"));
    }

    #[test]
    fn clients_are_not_told_where_the_store_is() {
        let store = bcs_storage::Error::NotFound { store: "/srv/bucket".into(), key: "k".into() };
        assert!(!Error::Store(store).to_string().contains("/srv/bucket"));
    }
}
