//! Writers exclude each other, and readers see whole objects.

use std::sync::Arc;

use bcs_storage::{Bytes, Error, PutMode, Store};
use tokio::task::JoinSet;

/// Number of concurrent writers.
const WRITERS: u8 = 16;

pub(crate) async fn conform(store: &Arc<dyn Store>) {
    of_concurrent_creates_exactly_one_succeeds(store).await;
    no_update_of_a_counter_is_lost(store).await;
    readers_see_whole_objects(store).await;
}

async fn of_concurrent_creates_exactly_one_succeeds(store: &Arc<dyn Store>) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(store);
        writers.spawn(
            async move { (writer, store.put("one", vec![writer; 9000].into(), PutMode::Create).await) },
        );
    }
    let mut created = Vec::new();
    while let Some(result) = writers.join_next().await {
        match result.unwrap() {
            (writer, Ok(())) => created.push(writer),
            (_, Err(error)) => assert!(matches!(error, Error::AlreadyExists { .. }), "{error}"),
        }
    }
    assert_eq!(created.len(), 1, "{created:?}");
    assert_eq!(store.get("one").await.unwrap(), vec![created[0]; 9000]);
}

async fn no_update_of_a_counter_is_lost(store: &Arc<dyn Store>) {
    store.put("counter", "0".into(), PutMode::Create).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..4 {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let mut added = 0;
            while added < 5 {
                let object = store.read("counter").await.unwrap();
                let count: u32 = std::str::from_utf8(&object.bytes).unwrap().parse().unwrap();
                let next = Bytes::from((count + 1).to_string());
                match store.put("counter", next, PutMode::IfGeneration(object.generation)).await {
                    Ok(()) => added += 1,
                    Err(error) => assert!(matches!(error, Error::Changed { .. }), "{error}"),
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(store.get("counter").await.unwrap(), "20");
}

async fn readers_see_whole_objects(store: &Arc<dyn Store>) {
    let bytes = |writer: u8| Bytes::from(vec![writer; 100_000 + usize::from(writer)]);
    store.put("whole", bytes(0), PutMode::Create).await.unwrap();
    let mut tasks = JoinSet::new();
    for writer in 1..=4 {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            for _ in 0..5 {
                store.put("whole", bytes(writer), PutMode::Overwrite).await.unwrap();
                let object = store.get("whole").await.unwrap();
                assert!(object == bytes(object[0]), "a torn object");
            }
        });
    }
    tasks.join_all().await;
}
