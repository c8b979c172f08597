//! The id that every answer carries: the client's own `x-request-id`, or a new one.

use axum::http::{HeaderName, Request};
use tower_http::request_id::{MakeRequestId, RequestId};
use uuid::Uuid;

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Makes version 7 UUIDs, which sort by time.
#[derive(Debug, Clone, Copy)]
pub struct MakeUuid;

impl MakeRequestId for MakeUuid {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let id = Uuid::now_v7().to_string().parse().ok()?;
        Some(RequestId::new(id))
    }
}
