//! Reads many objects of a bucket concurrently, which hides the latency of a network.

use std::sync::Arc;

use bcs_storage::{Bytes, Error, Store};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

/// Number of concurrent tasks that read.
const CONCURRENCY: usize = 32;

/// Number of objects that a task reads, one after the other. Starting a task costs as much as reading and parsing a small file.
const BATCH: usize = 16;

/// Reads the objects and returns them in the order of the keys. Objects deleted since they were listed are left out.
///
/// # Errors
/// As [`Store::read`], but for [`Error::NotFound`].
pub async fn all(store: &Arc<dyn Store>, keys: Vec<String>) -> Result<Vec<(String, Bytes)>, Error> {
    each(store, keys, |_, bytes| Bytes::copy_from_slice(bytes)).try_collect().await
}

/// Reads the objects, parses them in the tasks that read them, and returns the results in the order of the keys. Only as
/// many objects as are read at once are in memory. Objects deleted since they were listed are left out.
///
/// # Errors
/// Results are errors as [`Store::read`] returns them, but for [`Error::NotFound`].
pub fn each<T: Send + 'static>(
    store: &Arc<dyn Store>,
    keys: Vec<String>,
    parse: fn(&str, &[u8]) -> T,
) -> impl Stream<Item = Result<(String, T), Error>> {
    let store = Arc::clone(store);
    stream::iter(keys)
        .chunks(BATCH)
        .map(move |keys| {
            let store = Arc::clone(&store);
            async move {
                let task = Arc::clone(&store);
                let read = tokio::spawn(async move {
                    let objects = task.find_each(keys.clone()).await?;
                    let parsed = |(key, bytes): (String, Option<Bytes>)| Some((parse(&key, &bytes?), key));
                    Ok(keys.into_iter().zip(objects).filter_map(parsed).collect::<Vec<_>>())
                });
                read.await.unwrap_or_else(|error| Err(task_failed(store.as_ref(), &error)))
            }
        })
        .buffered(CONCURRENCY)
        .map_ok(|batch| stream::iter(batch.into_iter().map(|(parsed, key)| Ok((key, parsed)))))
        .try_flatten()
}

fn task_failed(store: &dyn Store, error: &tokio::task::JoinError) -> Error {
    Error::Unavailable { store: store.name(), key: String::new(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use bcs_storage::{LocalStore, PutMode};

    use super::*;

    #[tokio::test]
    async fn existing_objects_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        let keys: Vec<String> = (0..50).map(|i| format!("k/{i:02}")).collect();
        for key in &keys {
            store.put(key, key.clone().into(), PutMode::Create).await.unwrap();
        }
        let asked = keys.iter().rev().cloned().chain(["k/gone".to_owned()]).collect();
        let objects = all(&store, asked).await.unwrap();
        let expected: Vec<&String> = keys.iter().rev().collect();
        assert_eq!(objects.iter().map(|(key, _)| key).collect::<Vec<_>>(), expected);
        assert!(objects.iter().all(|(key, bytes)| key.as_bytes() == bytes));
    }
}
