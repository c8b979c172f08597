//! One suite over every implementation of `Store`: what services rely on, whatever a setting names.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod concurrency;
mod faults;
mod keys;
mod lists;
mod objects;
mod outages;
mod writes;

use std::sync::Arc;

use bcs_storage::gcs::Endpoint;
use bcs_storage::{GcsStore, LocalStore, Store, Uri};
use bcs_tests::Emulator;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&(Arc::new(LocalStore::open(folder.path().join("bucket")).unwrap()) as Arc<dyn Store>)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_conforms() {
    let Some(emulator) = Emulator::start() else { return };
    emulator.create_bucket("bucket").await;
    conforms(&store(&emulator, "gs://bucket").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_of_a_bucket_conforms() {
    let Some(emulator) = Emulator::start() else { return };
    emulator.create_bucket("bucket").await;
    let beside = store(&emulator, "gs://bucket/some/prefix-and-more").await;
    beside.put("object", "1".into(), bcs_storage::PutMode::Create).await.unwrap();
    conforms(&store(&emulator, "gs://bucket/some/prefix").await).await;
    assert_eq!(beside.list("").await.unwrap(), ["object"]);
    let all = store(&emulator, "gs://bucket").await.list("").await.unwrap();
    assert!(all.iter().all(|key| key.starts_with("some/prefix")), "{all:?}");
}

/// Opens a store in an emulator.
async fn store(emulator: &Emulator, uri: &str) -> Arc<dyn Store> {
    let endpoint = Endpoint::named(&emulator.address());
    Arc::new(GcsStore::connect(&Uri::parse(uri).unwrap(), &endpoint).await.unwrap())
}

/// Runs the suite in an empty store.
async fn conforms(store: &Arc<dyn Store>) {
    let part = |name| println!("{}: {name}", store.name());
    part("objects");
    objects::conform(store.as_ref()).await;
    part("keys");
    keys::conform(store.as_ref()).await;
    part("writes");
    writes::conform(store.as_ref()).await;
    part("lists");
    lists::conform(store.as_ref()).await;
    part("concurrency");
    concurrency::conform(store).await;
    part("outages");
    outages::conform(store.as_ref()).await;
}
