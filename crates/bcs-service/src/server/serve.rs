//! Accepts connections until a stop signal, then ends within the time that platforms allow.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::connection::{self, Shared};
use super::connections::{Connections, Place};
use crate::health::{Health, State};

/// Time in which cancelled requests are answered.
const CANCEL: Duration = Duration::from_secs(1);

/// Limits of connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// Maximum number of connections. Idle ones give way to new ones.
    pub connections: usize,
    /// Longest time from the connection to the end of the head of its first request.
    pub header_timeout: Duration,
    /// Longest time from a response to the end of the head of the next request.
    pub idle_timeout: Duration,
    /// Longest time from the head of a request to its response, which includes receiving the body.
    pub request_timeout: Duration,
    /// Time that requests in progress may take after a stop signal. Platforms kill the process after 10 s.
    pub drain: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 1000,
            header_timeout: seconds(10),
            idle_timeout: seconds(75),
            request_timeout: seconds(300),
            drain: seconds(6),
        }
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

/// Serves until SIGTERM or SIGINT; see [`serve_until`].
pub async fn serve(listener: TcpListener, router: Router, health: Health, limits: ServeLimits) {
    serve_until(listener, router, health, limits, stop_signal()).await;
}

/// Serves until `stop` completes. Then no connection is accepted, idle ones are closed, and requests in progress have
/// [`ServeLimits::drain`] to finish. Those that do not are cancelled and answered with 503, for which they have another
/// second.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    health: Health,
    limits: ServeLimits,
    stop: impl Future<Output = ()>,
) {
    let (stopping, cancelled) = (CancellationToken::new(), CancellationToken::new());
    let shared =
        Arc::new(Shared { router, limits, stopping: stopping.clone(), cancelled: cancelled.clone() });
    let connections = Connections::new(limits.connections);
    let tasks = TaskTracker::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            (stream, place) = accept(&listener, &connections) => {
                tasks.spawn(connection::run(stream, place, Arc::clone(&shared)));
            }
        }
    }
    drop(listener);
    info!("Stopping: no new requests are accepted.");
    health.set(State::Stopping);
    stopping.cancel();
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_ok() {
        return;
    }
    warn!("Some requests did not finish in time and are cancelled.");
    cancelled.cancel();
    if tokio::time::timeout(CANCEL, tasks.wait()).await.is_err() {
        warn!("Some clients did not receive their responses in time.");
    }
}

/// Accepts a connection and finds a place for it.
async fn accept(listener: &TcpListener, connections: &Arc<Connections>) -> (TcpStream, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, connections.enter().await),
            // The client has left before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Mostly too many open files, which a closed connection remedies.
                warn!(error = error.to_string(), "A connection cannot be accepted.");
                connections.close_one().await;
            }
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
