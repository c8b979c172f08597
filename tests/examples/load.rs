//! Load on a prediction server: keep-alive multipart uploads of one image from several clients at once.
//!
//!     load URL FILE CLIENTS REQUESTS
//!
//! Prints throughput and latencies as one line of JSON. A response other than 200 counts as failed and not as latency.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::json;

/// Requests before the clock starts.
const WARM_UP: usize = 16;

struct Load {
    client: Client,
    url: String,
    image: bytes::Bytes,
    left: AtomicUsize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, file, clients, requests] = arguments.as_slice() else {
        return Err("usage: load URL FILE CLIENTS REQUESTS".into());
    };
    let (clients, requests): (usize, usize) = (clients.parse()?, requests.parse()?);
    let image = std::fs::read(file)?.into();
    let load = |left| Load { client: Client::new(), url: url.clone(), image, left: AtomicUsize::new(left) };
    let load = Arc::new(load(WARM_UP));
    run(&load, clients).await?;
    load.left.store(requests, Ordering::Relaxed);
    let start = Instant::now();
    let mut latencies = run(&load, clients).await?;
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    println!("{}", summary(&latencies, requests, elapsed));
    Ok(())
}

/// Sends what is left from several clients, and returns the latencies of the responses with status 200.
async fn run(load: &Arc<Load>, clients: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
    let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(client(Arc::clone(load)))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await?);
    }
    Ok(latencies)
}

/// Sends requests one after the other until none is left.
async fn client(load: Arc<Load>) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let next = || load.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    while next().is_ok() {
        let start = Instant::now();
        if request(&load).await.unwrap_or(false) {
            latencies.push(start.elapsed());
        }
    }
    latencies
}

/// Sends one request, reads the whole response, and returns whether its status is 200.
async fn request(load: &Load) -> Result<bool, reqwest::Error> {
    let length = load.image.len() as u64;
    let part =
        Part::stream_with_length(load.image.clone(), length).file_name("tile.png").mime_str("image/png")?;
    let response = load.client.post(&load.url).multipart(Form::new().part("data", part)).send().await?;
    let succeeded = response.status() == 200;
    response.bytes().await?;
    Ok(succeeded)
}

fn summary(latencies: &[Duration], requests: usize, elapsed: Duration) -> serde_json::Value {
    let quantile = |q: f64| {
        let index = (latencies.len().saturating_sub(1) as f64 * q).round() as usize;
        latencies.get(index).map(|latency| (latency.as_secs_f64() * 1e4).round() / 10.0)
    };
    json!({
        "requests_per_second": (latencies.len() as f64 / elapsed.as_secs_f64() * 10.0).round() / 10.0,
        "p50_ms": quantile(0.5),
        "p95_ms": quantile(0.95),
        "p99_ms": quantile(0.99),
        "failed": requests - latencies.len(),
    })
}
