//! Why a request was not answered, and how HTTP says it. Every error becomes a problem here and nowhere else.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bcs_service::Problem;
use bcs_service::health::State;

use crate::upload::FIELDS;

/// Seconds after which a full queue has room again.
const QUEUE_RETRY: u32 = 1;

/// Seconds after which a model or a store that fails may have recovered.
const OUTAGE_RETRY: u32 = 5;

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is no multipart, or breaks off.
    #[error("the body is no whole multipart/form-data ({0}); send the image in the field 'data'")]
    Multipart(String),
    /// No field of the body is an image.
    #[error("no field of the form is an image; send it in the field 'data' ({} are taken too)", FIELDS[1..].join(", "))]
    NoImage,
    /// Several fields of the body are images.
    #[error("the form holds more than one image; send each in a request of its own")]
    SeveralImages,
    /// The body is longer than allowed.
    #[error(
        "the upload is larger than the {limit} bytes allowed; compress the image or cut it into smaller regions"
    )]
    UploadTooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// The query has an unknown key or value.
    #[error("the query can't be read: {0}")]
    Query(String),
    /// The bytes became no image, or an image no bytes.
    #[error(transparent)]
    Image(#[from] bcs_imaging::Error),
    /// The decoder gave up in a way that it should not.
    #[error("the image is damaged in a way that its decoder can't handle; save it again, as PNG say")]
    Undecodable,
    /// The model did not segment the image.
    #[error(transparent)]
    Inference(#[from] bcs_inference::Error),
    /// The model does not answer now.
    #[error("{}", not_ready(.0))]
    NotReady(State),
    /// The store failed.
    #[error("the predictions' store can't be used now, and what is not stored is not answered; try again")]
    Store(#[source] bcs_storage::Error),
    /// No prediction has this id.
    #[error("there is no prediction '{0}'; its id is in the x-prediction-id of its answer")]
    NoPrediction(String),
    /// The server's own mistake.
    #[error("the server made a mistake ({0}); it is in its log")]
    Internal(String),
}

fn not_ready(state: &State) -> String {
    match state {
        State::Starting => "the model is being opened; try again".to_owned(),
        State::Failed(reason) => reason.clone(),
        State::Stopping => "the server is stopping; try again".to_owned(),
        State::Ready => "the model has just become ready; try again".to_owned(),
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Multipart(_) | Self::NoImage | Self::SeveralImages | Self::Undecodable => {
                StatusCode::BAD_REQUEST
            }
            Self::UploadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Query(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Image(error) => status_of_image(error),
            Self::Inference(error) => status_of_inference(error),
            Self::NotReady(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoPrediction(_) => StatusCode::NOT_FOUND,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What happened, in a word: a label in metrics.
    pub fn outcome(&self) -> &'static str {
        match self.status() {
            StatusCode::BAD_REQUEST => "malformed",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
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
        Image::Empty | Image::Damaged { .. } => StatusCode::BAD_REQUEST,
        Image::UnknownFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Image::TooManyPixels { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Image::UnknownColormap { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Image::Encode { .. } | Image::SizeMismatch { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_inference(error: &bcs_inference::Error) -> StatusCode {
    use bcs_inference::Error as Inference;
    match error {
        Inference::TooSmall { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Inference::QueueFull(_) => StatusCode::TOO_MANY_REQUESTS,
        // The model's fault, not the image's: readiness is checked again, and others may answer meanwhile.
        Inference::Model(_) | Inference::Stopped | Inference::Engine(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
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
            Self::Store(error) => tracing::error!(error = error.to_string(), "The store failed."),
            Self::Internal(error) => tracing::error!(error, "The server made a mistake."),
            _ => tracing::debug!(error = self.to_string(), "Not answered."),
        }
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_says_when_to_come_back() {
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
    fn no_image_is_the_servers_fault() {
        let image = |error: bcs_imaging::Error| Error::from(error).status().as_u16();
        assert_eq!(image(bcs_imaging::Error::Empty), 400);
        assert_eq!(image(bcs_imaging::Error::Damaged { format: "png", reason: String::new() }), 400);
        assert_eq!(image(bcs_imaging::Error::UnknownFormat), 415);
        assert_eq!(image(bcs_imaging::Error::TooManyPixels { width: 1, height: 1, limit: 0 }), 413);
        assert_eq!(Error::Undecodable.status(), 400);
    }

    #[test]
    fn a_stores_secrets_stay_in_the_log() {
        let store = bcs_storage::Error::NotFound { store: "/srv/bucket".into(), key: "k".into() };
        assert!(!Error::Store(store).to_string().contains("/srv/bucket"));
    }
}
