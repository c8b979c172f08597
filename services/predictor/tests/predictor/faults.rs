//! A load of 16 clients while the store, or the network to it, fails: no 200 without its objects, no request past its
//! deadline, and the service comes back by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bcs_storage::Store;
use bcs_tests::{Emulator, Fault, FaultProxy};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bucket::{eventually, keys_of, open, server};
use crate::images;
use crate::server::Server;

/// Number of concurrent clients.
const CLIENTS: usize = 16;

/// Short times, so that outages outlast them.
const SETTINGS: &str = "limits: {store_timeout: 1.5, request_timeout: 10}";

/// Deadline of a request, and what a busy machine may add to it.
const DEADLINE: Duration = Duration::from_secs(10 + 5);

/// Faults of which a store and its network are capable.
const FAULTS: [Fault; 8] = [
    Fault::Unavailable,
    Fault::Reset,
    Fault::LostAnswer,
    Fault::HalfAnswer,
    Fault::SlowAnswer,
    Fault::Silence,
    Fault::WrongChecksum,
    Fault::DamagedUpload,
];

/// What a client saw.
#[derive(Debug, Default)]
struct Seen {
    /// Ids and masks of the predictions.
    stored: Vec<(String, bytes::Bytes)>,
    /// Number of requests that were refused with 503.
    refused: usize,
}

/// Sends requests from all clients until `stop`.
fn load(server: &Arc<Server>, stop: &Arc<AtomicBool>) -> JoinSet<Seen> {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (server, stop) = (Arc::clone(server), Arc::clone(stop));
        clients.spawn(async move {
            let mut seen = Seen::default();
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                let response = server.predict("?output=mask", images::png(64, 64)).await;
                match response.status().as_u16() {
                    200 => {
                        let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
                        seen.stored.push((id, response.bytes().await.unwrap()));
                    }
                    503 => {
                        assert!(response.headers().contains_key("retry-after"));
                        seen.refused += 1;
                    }
                    status => panic!("{status}: {}", response.text().await.unwrap()),
                }
                assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
            }
            seen
        });
    }
    clients
}

/// Checks that every 200 has its objects and every record its mask, and returns the numbers of stored predictions and
/// refused requests.
async fn check(clients: JoinSet<Seen>, store: &Arc<dyn Store>) -> (usize, usize) {
    let (mut stored, mut refused) = (0, 0);
    for seen in clients.join_all().await {
        refused += seen.refused;
        for (id, mask) in seen.stored {
            stored += 1;
            let [mask_key, record_key] = keys_of(&id);
            assert_eq!(store.get(&mask_key).await.unwrap(), mask, "{id}");
            let record: Value = serde_json::from_slice(&store.get(&record_key).await.unwrap()).unwrap();
            assert_eq!((&record["id"], &record["mask"]), (&id.into(), &mask_key.into()));
        }
    }
    let masks = list(store, "masks/").await;
    for record in list(store, "records/").await {
        let mask = record.replace("records/", "masks/").replace(".json", ".png");
        assert!(masks.binary_search(&mask).is_ok(), "{record} has no mask");
    }
    (stored, refused)
}

/// Lists the keys with a prefix. While the emulator writes an object, which has no attributes at first, its lists fail.
async fn list(store: &Arc<dyn Store>, prefix: &str) -> Vec<String> {
    let mut keys = store.list(prefix).await;
    eventually("the emulator lists its objects", async || {
        if keys.is_err() {
            keys = store.list(prefix).await;
        }
        keys.is_ok()
    })
    .await;
    keys.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_network_loses_nothing() {
    let Some(emulator) = Emulator::start() else { return };
    emulator.create_bucket("predictions").await;
    let faulty = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicU64::new(0));
    let (plan_faulty, plan_made) = (Arc::clone(&faulty), Arc::clone(&made));
    let proxy = FaultProxy::start(&emulator.address(), move |number, _| {
        // Spread by a multiplicative hash: a fault in two of five requests, of each kind alike.
        let hash = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize;
        if !plan_faulty.load(Ordering::Relaxed) || hash % 5 > 1 {
            return Fault::None;
        }
        plan_made.fetch_add(1, Ordering::Relaxed);
        FAULTS[hash / 5 % FAULTS.len()]
    })
    .await;
    let server = Arc::new(server(&proxy.address(), SETTINGS).await);
    let store = open(&emulator.address(), "predictions").await;

    let stop = Arc::new(AtomicBool::new(false));
    faulty.store(true, Ordering::Relaxed);
    let clients = load(&server, &stop);
    eventually("faults are made", async || made.load(Ordering::Relaxed) >= 400).await;
    faulty.store(false, Ordering::Relaxed);
    let before = proxy.requests();
    eventually("requests go on", async || proxy.requests() >= before + 100).await;
    stop.store(true, Ordering::Relaxed);
    let (stored, refused) = check(clients, &store).await;
    println!("{stored} stored, {refused} refused, {} faults", made.load(Ordering::Relaxed));
    assert!(stored > 0);
    assert_eq!(server.get("/ready").await.status(), 200);
    assert_eq!(server.predict("", images::png(64, 64)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_is_refused_and_over_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut emulator) = Emulator::start_in(folder.path()) else { return };
    emulator.create_bucket("predictions").await;
    let server = Arc::new(server(&emulator.address(), SETTINGS).await);
    let store = open(&emulator.address(), "predictions").await;

    let stop = Arc::new(AtomicBool::new(false));
    let clients = load(&server, &stop);
    let records = async || list(&store, "records/").await.len();
    for _ in 0..2 {
        let before = records().await;
        eventually("predictions are stored", async || records().await >= before + 2 * CLIENTS).await;
        emulator.stop();
        eventually("requests are refused", async || refused(&server).await).await;
        assert_eq!(server.get("/ready").await.status(), 503);
        emulator.restart();
    }
    let before = records().await;
    eventually("predictions are stored again", async || records().await >= before + 2 * CLIENTS).await;
    stop.store(true, Ordering::Relaxed);
    let (stored, refused) = check(clients, &store).await;
    println!("{stored} stored, {refused} refused");
    assert!(stored >= 6 * CLIENTS && refused > 0, "{stored} stored, {refused} refused");
    assert_eq!(server.get("/ready").await.status(), 200);
}

/// Whether a request is refused because it can't be stored.
async fn refused(server: &Server) -> bool {
    server.predict("", images::png(64, 64)).await.status() == 503
}
