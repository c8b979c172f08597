//! The end of the server under load: within 10 s after SIGTERM, and with every prediction stored that was answered, also
//! after SIGKILL.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::images;
use crate::server::Server;

/// Time in which platforms want a process to end.
const END: Duration = Duration::from_secs(10);

/// Uploads an image over and over until the server does not answer any more. Returns the records of all predictions that
/// were answered.
fn client(server: &Server, image: Vec<u8>) -> JoinHandle<Vec<Value>> {
    let url = format!("{}/predict-img/?output=json", server.address);
    tokio::spawn(async move {
        let (client, mut records) = (Client::new(), Vec::new());
        loop {
            let form = Form::new().part("data", Part::bytes(image.clone()));
            let Ok(response) = client.post(&url).multipart(form).send().await else { return records };
            match response.status().as_u16() {
                // A response is whole or there is none; after SIGKILL it may be cut.
                200 => records.extend(response.json().await.ok()),
                429 | 503 => return records,
                status => panic!("{status}"),
            }
        }
    })
}

/// Checks that records and masks are in the bucket.
fn check_stored(bucket: &Path, records: &[Value]) {
    for record in records {
        let mask = record["mask"].as_str().unwrap();
        let stored = mask.replace("masks/", "records/").replace(".png", ".json");
        let stored: Value = serde_json::from_slice(&std::fs::read(bucket.join(stored)).unwrap()).unwrap();
        assert_eq!(&stored, record);
        images::mask(&std::fs::read(bucket.join(mask)).unwrap());
    }
}

/// Stops a server that `clients` use and checks its end.
async fn stop(mut server: Server, clients: Vec<JoinHandle<Vec<Value>>>) -> usize {
    let start = Instant::now();
    let (status, server) = tokio::task::spawn_blocking(move || (server.end("-TERM"), server)).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < END, "{:?}", start.elapsed());
    let mut answered = 0;
    for client in clients {
        let records = client.await.unwrap();
        check_stored(&server.bucket(), &records);
        answered += records.len();
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_many_clients_stops_in_time() {
    let server = Server::ready().await;
    let clients = (0..16).map(|_| client(&server, images::png(64, 64))).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(stop(server, clients).await > 0, "nothing was answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_waiting_regions_stops_in_time() {
    let server = Server::ready().await;
    let clients: Vec<_> = (0..6).map(|_| client(&server, images::flat(4000, 4000))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop(server, clients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_an_abandoned_region_stops_in_time() {
    let server = Server::ready().await;
    let abandoned = client(&server, images::flat(6000, 6000));
    tokio::time::sleep(Duration::from_millis(500)).await;
    abandoned.abort();
    stop(server, Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_that_were_answered_survive_the_end_of_the_process() {
    let mut answered = 0;
    for at in 0..20 {
        let mut server = Server::ready().await;
        let clients: Vec<_> = (0..4).map(|_| client(&server, images::png(64, 64))).collect();
        // Moments that are spread over a few predictions.
        tokio::time::sleep(Duration::from_millis(10 + at * 17 % 97)).await;
        let server = tokio::task::spawn_blocking(move || {
            server.end("-KILL");
            server
        });
        let server = server.await.unwrap();
        for client in clients {
            let records = client.await.unwrap();
            check_stored(&server.bucket(), &records);
            answered += records.len();
        }
    }
    assert!(answered > 0, "nothing was answered");
}
