//! Middleware of all routes, listening and graceful shutdown.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, Response, StatusCode};
use axum::middleware;
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::{Span, info};
use uuid::Uuid;

use crate::health::{Health, State};
use crate::metrics::{self, Metrics};
use crate::problem::Problem;

/// Time that requests in progress may take after a stop signal. Platforms kill the process after 10 s.
const DRAIN: Duration = Duration::from_secs(9);

/// Header that identifies a request: the client's own value, or a new version 7 UUID.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Debug, Clone, Copy)]
struct MakeUuid;

impl MakeRequestId for MakeUuid {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let id = Uuid::now_v7().to_string().parse().ok()?;
        Some(RequestId::new(id))
    }
}

/// Adds the common middleware to a router: request ids, metrics, logging, and a 500 response if a handler panics.
/// Unknown routes and methods respond with problems.
pub fn with_layers(router: Router, metrics: &Metrics) -> Router {
    router
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
        .layer(middleware::from_fn_with_state(metrics.clone(), metrics::track))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(|_: &Request<Body>| Span::none())
                .on_request(())
                .on_failure(())
                .on_response(log_response),
        )
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeUuid))
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

fn log_response(response: &Response<Body>, latency: Duration, _span: &Span) {
    let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("");
    let milliseconds = latency.as_secs_f64() * 1e3;
    let status = response.status().as_u16();
    if response.status().is_server_error() {
        tracing::warn!(request_id = id, status, latency_ms = milliseconds, "Request failed.");
    } else {
        tracing::debug!(request_id = id, status, latency_ms = milliseconds, "Request succeeded.");
    }
}

/// Binds a listener and returns it with the URL at which clients on this machine reach it, such as
/// `http://127.0.0.1:8080`. Port 0 selects a free port.
///
/// # Errors
/// The error of the system, with the address and what to do.
pub async fn bind(host: &str, port: u16) -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((host, port)).await.map_err(|error| {
        let text =
            format!("{host}:{port} cannot be bound: {error}; choose another address with HOST and PORT");
        io::Error::new(error.kind(), text)
    })?;
    let bound = listener.local_addr()?;
    let host = match bound.ip() {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    Ok((listener, format!("http://{}", SocketAddr::new(host, bound.port()))))
}

/// Serves until SIGTERM or SIGINT, then stops accepting connections and waits up to 9 s for requests in progress.
///
/// # Errors
/// The error of the listener.
pub async fn serve(listener: TcpListener, router: Router, health: Health) -> io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop_signal().await;
        info!("Stopping: no new requests are accepted.");
        health.set(State::Stopping);
        stopping.send_replace(true);
    });
    tokio::select! {
        result = server => result,
        () = async {
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(DRAIN).await;
        } => {
            tracing::warn!("Some requests did not finish in time and are aborted.");
            Ok(())
        }
    }
}

/// Completes on SIGTERM or SIGINT.
async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("Signal handlers cannot be installed; only SIGKILL stops this server.");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
