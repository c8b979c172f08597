//! Checks, deadlines, and stores that cannot be used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_storage::gcs::Endpoint;
use bcs_storage::{Error, GcsStore, PutMode, Store, Uri};
use bcs_tests::Emulator;

pub(crate) async fn conform(store: &dyn Store) {
    checks_leave_nothing(store).await;
    late_operations_are_unavailable(store).await;
}

async fn checks_leave_nothing(store: &dyn Store) {
    let before = store.list("").await.unwrap();
    store.check().await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.list("").await.unwrap(), before);
}

async fn late_operations_are_unavailable(store: &dyn Store) {
    let late = store.until(Instant::now());
    let unavailable = |result: Result<(), Error>| matches!(result, Err(Error::Unavailable { .. }));
    assert!(unavailable(late.put("late", "1".into(), PutMode::Create).await));
    assert!(unavailable(late.get("late").await.map(drop)));
    assert!(unavailable(late.list("late").await.map(drop)));
    assert!(unavailable(late.delete("late").await));
    assert!(unavailable(late.check().await));
    let timely = store.until(Instant::now() + Duration::from_secs(60));
    timely.put("timely", "1".into(), PutMode::Create).await.unwrap();
    assert_eq!((timely.name(), timely.get("timely").await.unwrap()), (store.name(), "1".into()));
}

async fn bucket(address: &str) -> Arc<dyn Store> {
    let uri = Uri::parse("gs://no-such-bucket").unwrap();
    Arc::new(GcsStore::connect(&uri, &Endpoint::named(address)).await.unwrap())
}

#[tokio::test]
async fn a_missing_bucket_is_not_an_outage() {
    let Some(emulator) = Emulator::start() else { return };
    let store = bucket(&emulator.address()).await;
    for result in
        [store.check().await, store.put("a", "1".into(), PutMode::Create).await, store.probe().await]
    {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Rejected { .. }) && error.to_string().contains("does not exist"),
            "{error}"
        );
    }
    assert!(matches!(store.get("a").await, Err(Error::NotFound { .. })));
    // As in a folder that does not exist.
    store.delete("a").await.unwrap();
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable_by_the_deadline() {
    let Some(mut emulator) = Emulator::start() else { return };
    let store = bucket(&emulator.address()).await;
    emulator.stop();
    let start = Instant::now();
    let error = store.until(start + Duration::from_millis(500)).check().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("gs://no-such-bucket"), "{error}");
    // Without a deadline it would be a minute.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());

    emulator.restart();
    emulator.create_bucket("no-such-bucket").await;
    store.probe().await.unwrap();
}
