//! Operations succeed over a network that fails, and what they store is what was asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_storage::gcs::Endpoint;
use bcs_storage::{Error, GcsStore, PutMode, Store, Uri};
use bcs_tests::{Emulator, Fault, FaultProxy};

/// Faults after which the next attempt succeeds.
const FAULTS: [Fault; 7] = [
    Fault::Unavailable,
    Fault::Reset,
    Fault::LostAnswer,
    Fault::HalfAnswer,
    Fault::SlowAnswer,
    Fault::WrongChecksum,
    Fault::DamagedUpload,
];

/// Starts an emulator with a bucket, and a proxy in front of it. Returns the store behind the proxy, and without it.
async fn behind(
    plan: impl Fn(u64, &str) -> Fault + Send + Sync + 'static,
) -> Option<(Emulator, FaultProxy, [Arc<dyn Store>; 2])> {
    let emulator = Emulator::start()?;
    emulator.create_bucket("bucket").await;
    let proxy = FaultProxy::start(&emulator.address(), plan).await;
    let [faulty, direct] = [proxy.address(), emulator.address()].map(|address| async move {
        let uri = Uri::parse("gs://bucket").unwrap();
        Arc::new(GcsStore::connect(&uri, &Endpoint::named(&address)).await.unwrap()) as Arc<dyn Store>
    });
    Some((emulator, proxy, [faulty.await, direct.await]))
}

/// Whether a request stores or reads the content of an object.
fn transfers(line: &str) -> bool {
    line.starts_with("POST /upload/") || line.contains("alt=media")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_overcome() {
    for fault in FAULTS {
        // The first two attempts fail.
        let plan = move |_: u64, line: &str| if transfers(line) { fault } else { Fault::None };
        let counted = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let plan = move |number: u64, line: &str| match plan(number, line) {
            Fault::None => Fault::None,
            fault if counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 < 2 => fault,
            _ => Fault::None,
        };
        let Some((_emulator, proxy, [faulty, direct])) = behind(plan).await else { return };
        let key = "records/a.json";
        let generation = faulty.write(key, "one".into(), PutMode::Create).await.unwrap();
        let stored = direct.read(key).await.unwrap();
        assert_eq!((stored.bytes, stored.generation), ("one".into(), generation), "{fault:?}");
        assert_eq!(faulty.read(key).await.unwrap().bytes, "one", "{fault:?}");
        assert_eq!(faulty.get_range(key, 0..100).await.unwrap(), "one", "{fault:?}");
        // A slow answer is not a failure.
        assert!(proxy.requests() > if fault == Fault::SlowAnswer { 1 } else { 2 }, "{fault:?}");

        // The object of another writer is not taken for that of an earlier attempt.
        let error = faulty.put(key, "one".into(), PutMode::Create).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{fault:?}: {error}");
        assert_eq!(direct.read(key).await.unwrap().generation, generation, "{fault:?}");

        let next = faulty.write(key, "two".into(), PutMode::IfGeneration(generation)).await.unwrap();
        let stored = direct.read(key).await.unwrap();
        assert_eq!((stored.bytes, stored.generation), ("two".into(), next), "{fault:?}");
        let error = faulty.put(key, "three".into(), PutMode::IfGeneration(generation)).await.unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{fault:?}: {error}");
        assert_eq!(direct.get(key).await.unwrap(), "two", "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_deletions_are_tried_again() {
    for fault in [Fault::Unavailable, Fault::Reset, Fault::LostAnswer, Fault::HalfAnswer, Fault::SlowAnswer] {
        let plan = move |number: u64, _: &str| if number % 3 < 2 { fault } else { Fault::None };
        let Some((_emulator, _proxy, [faulty, direct])) = behind(plan).await else { return };
        for key in ["a", "b", "c"] {
            direct.put(key, "1".into(), PutMode::Create).await.unwrap();
        }
        assert_eq!(faulty.list("").await.unwrap(), ["a", "b", "c"], "{fault:?}");
        faulty.check().await.unwrap();
        faulty.delete("b").await.unwrap();
        assert_eq!(direct.list("").await.unwrap(), ["a", "c"], "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_always_fails_is_unavailable_by_the_deadline() {
    for fault in [Fault::Unavailable, Fault::Reset, Fault::HalfAnswer, Fault::Silence] {
        let Some((_emulator, _proxy, [faulty, direct])) = behind(move |_, _| fault).await else { return };
        let (start, time) = (Instant::now(), Duration::from_millis(700));
        let late = faulty.until(start + time);
        let (put, get, list, deleted) = tokio::join!(
            late.put("a", "1".into(), PutMode::Create),
            late.get("a"),
            late.list(""),
            late.delete("a"),
        );
        for result in [put, get.map(drop), list.map(drop), deleted] {
            let error = result.unwrap_err();
            assert!(error.is_retryable(), "{fault:?}: {error}");
        }
        // Without a deadline it would be a minute.
        assert!(start.elapsed() < Duration::from_secs(20), "{fault:?}: {:?}", start.elapsed());
        if fault != Fault::HalfAnswer {
            assert!(direct.list("").await.unwrap().is_empty(), "{fault:?}");
        }
    }
}
