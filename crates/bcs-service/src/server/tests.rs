use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::guard::Guard;
use crate::health::{self, Health};
use crate::metrics::Metrics;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Probes {
    started: Arc<Notify>,
    finish: Arc<Notify>,
    cancelled: Arc<AtomicUsize>,
}

/// A server with routes that end when told to.
struct Fixture {
    address: SocketAddr,
    stop: CancellationToken,
    health: Health,
    probes: Probes,
    server: JoinHandle<()>,
}

fn limits() -> ServeLimits {
    ServeLimits { header_timeout: Duration::from_secs(60), ..ServeLimits::default() }
}

/// Counts a cancellation when the handler that has it is abandoned.
struct CountCancelled(RequestScope, Arc<AtomicUsize>);

impl Drop for CountCancelled {
    fn drop(&mut self) {
        if self.0.token.is_cancelled() {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn wait(State(probes): State<Probes>, scope: RequestScope) -> &'static str {
    let token = scope.token.clone();
    tokio::spawn(async move {
        token.cancelled().await;
        drop(CountCancelled(scope, probes.cancelled));
    });
    probes.started.notify_one();
    probes.finish.notified().await;
    "finished"
}

async fn length(State(probes): State<Probes>, body: Body) -> String {
    probes.started.notify_one();
    axum::body::to_bytes(body, usize::MAX).await.unwrap().len().to_string()
}

async fn start(limits: ServeLimits) -> Fixture {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (probes, health, stop) = (Probes::default(), Health::default(), CancellationToken::new());
    let router = Router::new()
        .route("/wait", get(wait))
        .route("/large", get(|| async { Bytes::from(vec![7; 8 << 20]) }))
        .route("/length", post(length))
        .with_state(probes.clone());
    let router = with_layers(router, &Metrics::new("test").unwrap(), Guard::default());
    let (health_of_server, stopped) = (health.clone(), stop.clone());
    let server = tokio::spawn(async move {
        serve_until(listener, router, health_of_server, limits, stopped.cancelled_owned()).await;
    });
    Fixture { address, stop, health, probes, server }
}

impl Fixture {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes on a new connection.
    fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    fn get(&self, path: &str) -> TcpStream {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
    }

    /// Stops the server and returns the time it took.
    async fn stop(self) -> Duration {
        let start = Instant::now();
        self.stop.cancel();
        self.server.await.unwrap();
        assert_eq!(self.health.state(), health::State::Stopping);
        start.elapsed()
    }
}

/// Reads to the end of the connection, on another thread.
async fn rest(mut stream: TcpStream) -> String {
    let read = move || {
        let mut bytes = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

/// Reads what has come.
async fn some(mut stream: TcpStream) -> (TcpStream, String) {
    let read = move || {
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        (stream, String::from_utf8_lossy(&bytes[..count]).into_owned())
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_closes_the_connection() {
    let short = Duration::from_millis(300);
    let server = start(ServeLimits { header_timeout: short, idle_timeout: short, ..limits() }).await;
    assert_eq!(rest(server.connect()).await, "");
    rest(server.send("GET /wait HTTP/1.1\r\nx: ")).await;
    let large = format!("GET /wait HTTP/1.1\r\nx: {}", "a".repeat(100_000));
    let response = rest(server.send(&large)).await;
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 431"), "{response}");
    // Between two requests, too.
    let text = rest(server.get("/nowhere")).await;
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_and_stalled_connections_end_at_once_when_the_server_stops() {
    let server = start(limits()).await;
    let _new = server.connect();
    let _stalled = server.send("GET /wait HTTP/1.1\r\nx: ");
    let (_idle, text) = some(server.get("/nowhere")).await;
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
    assert!(server.stop().await < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_progress_finish_when_the_server_stops() {
    let server = start(limits()).await;
    let (waiting, large) = (server.get("/wait"), server.get("/large"));
    server.probes.started.notified().await;
    server.stop.cancel();
    while server.health.state() != health::State::Stopping {
        tokio::task::yield_now().await;
    }
    server.probes.finish.notify_one();
    let (text, large) = tokio::join!(rest(waiting), rest(large));
    assert!(text.ends_with("finished"), "{text}");
    assert!(large.len() > 8 << 20, "a response was cut");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_do_not_finish_are_answered_when_the_server_stops() {
    let server = start(ServeLimits { drain: Duration::from_millis(200), ..limits() }).await;
    let waiting = server.get("/wait");
    server.probes.started.notified().await;
    let stalled = server.send("POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
    server.probes.started.notified().await;
    let (probes, text) = (server.probes.clone(), tokio::join!(server.stop(), rest(waiting), rest(stalled)));
    for text in [text.1, text.2] {
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after"), "{text}");
    }
    assert_eq!(probes.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_cancels_its_request() {
    let server = start(limits()).await;
    let waiting = server.get("/wait");
    server.probes.started.notified().await;
    assert_eq!(server.probes.cancelled.load(Ordering::SeqCst), 0);
    drop(waiting);
    let start = Instant::now();
    while server.probes.cancelled.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < PATIENCE, "the server does not notice");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_a_deadline() {
    let server = start(ServeLimits { request_timeout: Duration::from_millis(200), ..limits() }).await;
    let half = "POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf";
    for text in ["GET /wait HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", half] {
        let response = rest(server.send(text)).await;
        assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_give_way_to_new_ones() {
    let server = start(ServeLimits { connections: 4, ..limits() }).await;
    let mut idle: Vec<_> = (0..20).map(|_| server.send("GET /")).collect();
    let (_, text) = some(server.get("/nowhere")).await;
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
    assert_eq!(rest(idle.remove(0)).await, "");
}
