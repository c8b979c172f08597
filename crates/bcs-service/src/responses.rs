//! Error responses that routes share, for the OpenAPI description.

use utoipa::IntoResponses;

use crate::problem::Problem;

/// The body comes too slowly.
#[derive(IntoResponses)]
pub enum Slow {
    /// The upload was too slow while other requests waited
    #[response(
        status = 408,
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds to wait before trying again"))
    )]
    Slow(Problem),
}

/// There is no room for the request.
#[derive(IntoResponses)]
pub enum Busy {
    /// The queue is full, or there is no memory for the request
    #[response(
        status = 429,
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds to wait before trying again")),
        example = json!({"type": "about:blank", "title": "Too Many Requests", "status": 429,
            "detail": "the queue is full: 32 images are waiting; try again later"})
    )]
    Busy(Problem),
}

/// The server or its store cannot do it now.
#[derive(IntoResponses)]
pub enum Unavailable {
    /// The model is not ready, a store fails, the server is stopping, or the request took too long
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds to wait before trying again")),
        example = json!({"type": "about:blank", "title": "Service Unavailable", "status": 503,
            "detail": "the model is loading; try again"})
    )]
    Unavailable(Problem),
}

/// What the path names does not exist.
#[derive(IntoResponses)]
pub enum NotFound {
    /// There is nothing of this id or name
    #[response(
        status = 404,
        content_type = "application/problem+json",
        example = json!({"type": "about:blank", "title": "Not Found", "status": 404,
            "detail": "there is no prediction 'x'; the response header x-prediction-id has the id of a prediction"})
    )]
    NotFound(Problem),
}
