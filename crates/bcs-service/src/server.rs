//! The layers around every router, and serving until told to stop.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::middleware;
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::{Span, info};

use crate::health::{Health, State};
use crate::metrics::{self, Metrics};
use crate::problem::Problem;
use crate::request_id::{self, MakeUuid};

/// How long requests may take to end after a stop was asked for; platforms kill after 10 s.
const DRAIN: Duration = Duration::from_secs(9);

/// Puts the common layers around a router: an id on every answer, metrics, a log line a request, and a 500 with
/// a body instead of a closed connection where a handler panics. Unknown routes and methods are problems too.
pub fn with_layers(router: Router, metrics: &Metrics) -> Router {
    router
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "there is no such route; GET /docs lists them")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this route takes another method; GET /docs lists them",
            )
        })
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(middleware::from_fn_with_state(metrics.clone(), metrics::track))
        .layer(PropagateRequestIdLayer::new(request_id::HEADER))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(|_: &Request<Body>| Span::none())
                .on_request(())
                .on_failure(())
                .on_response(log_response),
        )
        .layer(SetRequestIdLayer::new(request_id::HEADER, MakeUuid))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over by value")]
fn panic_response(panic: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    let reason = panic_message(panic.as_ref());
    tracing::error!(reason, "A handler panicked.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server made a mistake; it is in its log")
        .into_response()
}

/// What a panic said.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

fn log_response(response: &Response<Body>, latency: Duration, _span: &Span) {
    let id = response.headers().get(request_id::HEADER).and_then(|id| id.to_str().ok()).unwrap_or("");
    let milliseconds = latency.as_secs_f64() * 1e3;
    let status = response.status().as_u16();
    if response.status().is_server_error() {
        tracing::warn!(request_id = id, status, latency_ms = milliseconds, "Request failed.");
    } else {
        tracing::debug!(request_id = id, status, latency_ms = milliseconds, "Request answered.");
    }
}

/// Listens, and says where this machine's own clients reach the listener (`http://127.0.0.1:8080`). Port 0 takes any
/// free one.
///
/// # Errors
/// What the system says, with the address and what to do.
pub async fn bind(host: &str, port: u16) -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((host, port)).await.map_err(|error| {
        let text = format!("{host}:{port} can't be listened on: {error}; choose others with HOST and PORT");
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

/// Serves until SIGTERM or SIGINT, then takes nothing new and waits a while for what was begun.
///
/// # Errors
/// What the listener says.
pub async fn serve(listener: TcpListener, router: Router, health: Health) -> io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop_signal().await;
        info!("Stopping: taking no new requests.");
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
            tracing::warn!("Some requests did not end in time and are cut off.");
            Ok(())
        }
    }
}

/// Ends when the process is told to stop.
async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("Signals can't be handled: this server stops only when killed.");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
