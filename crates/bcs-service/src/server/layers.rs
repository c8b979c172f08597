//! Middleware of all routes.

use axum::Router;
use axum::body::Body;
use axum::extract;
use axum::http::{HeaderName, Request, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use uuid::Uuid;

use super::scope::RequestScope;
use crate::admission::Refused;
use crate::guard::Guard;
use crate::metrics::{self, Metrics};
use crate::problem::Problem;

/// Header that identifies a request: the client's own value, or a new version 7 UUID.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Debug, Clone, Copy)]
struct MakeUuid;

impl MakeRequestId for MakeUuid {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let id = Uuid::now_v7().to_string().parse().ok()?;
        Some(RequestId::new(id))
    }
}

/// Adds the common middleware to a router: protection, request ids, metrics, logging, a 503 response at the deadline of a request or
/// when it is cancelled, and a 500 response if a handler panics.
/// Unknown routes and methods respond with problems.
pub fn with_layers(router: Router, metrics: &Metrics, guard: Guard) -> Router {
    let router = router
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "there is no such route; GET /docs lists the routes")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "the route does not support this method; GET /docs lists the methods",
            )
        })
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(middleware::from_fn(keep_scope));
    guard
        .protect(router)
        .layer(middleware::from_fn_with_state(metrics.clone(), metrics::track))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeUuid))
}

/// Middleware that ends a request at its deadline or when it is cancelled.
async fn keep_scope(scope: RequestScope, request: extract::Request, next: Next) -> Response<Body> {
    let refused = tokio::select! {
        biased;
        response = next.run(request) => return response,
        () = scope.token.cancelled() => Refused::Cancelled,
        () = tokio::time::sleep_until(scope.deadline.into()) => Refused::Deadline,
    };
    Problem::from(refused).into_response()
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that CatchPanicLayer requires")]
fn panic_response(panic: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    let reason = panic_message(panic.as_ref());
    tracing::error!(reason, "A handler panicked.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error; the log of the server has the details")
        .into_response()
}

/// Returns the message of a panic.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}
