//! Reads many objects of a bucket concurrently, which hides the latency of a network.

use std::sync::Arc;

use bcs_storage::{Bytes, Error, Store};
use tokio::task::JoinSet;

/// Number of concurrent reads.
const CONCURRENCY: usize = 16;

/// Reads the objects and returns them sorted by key. Objects deleted since they were listed are left out.
///
/// # Errors
/// As [`Store::read`], but for [`Error::NotFound`].
pub async fn all(store: &Arc<dyn Store>, keys: Vec<String>) -> Result<Vec<(String, Bytes)>, Error> {
    let mut keys = keys.into_iter();
    let mut reads = JoinSet::new();
    let mut objects = Vec::with_capacity(keys.len());
    loop {
        while reads.len() < CONCURRENCY
            && let Some(key) = keys.next()
        {
            let store = Arc::clone(store);
            reads.spawn(async move { (store.get(&key).await, key) });
        }
        let Some(read) = reads.join_next().await else {
            break;
        };
        match read {
            Ok((Ok(bytes), key)) => objects.push((key, bytes)),
            Ok((Err(Error::NotFound { .. }), _)) => {}
            Ok((Err(error), _)) => return Err(error),
            Err(error) => return Err(task_failed(store.as_ref(), &error)),
        }
    }
    objects.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(objects)
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
        assert_eq!(objects.iter().map(|(key, _)| key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
        assert!(objects.iter().all(|(key, bytes)| key.as_bytes() == bytes));
    }
}
