//! Writes happen only under their conditions.

use bcs_storage::{Bytes, Error, Generation, PutMode, Store};

pub(crate) async fn conform(store: &dyn Store) {
    for (size, bytes) in
        [("small", (|seed| Bytes::from(vec![seed; 10])) as fn(u8) -> Bytes), ("large", large)]
    {
        objects_are_created_once(store, size, bytes).await;
        objects_are_replaced_in_the_stated_generation(store, size, bytes).await;
    }
    every_write_has_a_generation_of_its_own(store).await;
}

/// More than is uploaded in one request, and not a multiple of the parts.
pub(crate) fn large(seed: u8) -> Bytes {
    let mut state = u32::from(seed);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..(17 << 20) + 13).map(|_| next()).collect()
}

async fn objects_are_created_once(store: &dyn Store, size: &str, bytes: fn(u8) -> Bytes) {
    let key = format!("created/{size}");
    store.put(&key, bytes(1), PutMode::Create).await.unwrap();
    let error = store.put(&key, bytes(2), PutMode::Create).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }) && error.to_string().contains(&key), "{error}");
    assert!(store.get(&key).await.unwrap() == bytes(1), "{size}");
    store.put(&key, bytes(3), PutMode::Overwrite).await.unwrap();
    assert!(store.get(&key).await.unwrap() == bytes(3), "{size}");
}

async fn objects_are_replaced_in_the_stated_generation(
    store: &dyn Store,
    size: &str,
    bytes: fn(u8) -> Bytes,
) {
    let key = format!("replaced/{size}");
    let replace =
        async |generation, seed| store.write(&key, bytes(seed), PutMode::IfGeneration(generation)).await;
    assert!(matches!(replace(Generation(1), 0).await, Err(Error::Changed { .. })));
    assert!(matches!(store.get(&key).await, Err(Error::NotFound { .. })));

    let first = store.write(&key, bytes(1), PutMode::Create).await.unwrap();
    let second = replace(first, 2).await.unwrap();
    assert_ne!(first, second);
    let error = replace(first, 3).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }) && error.to_string().contains(&key), "{error}");
    let object = store.read(&key).await.unwrap();
    assert!(object.bytes == bytes(2) && object.generation == second, "{size}");

    store.delete(&key).await.unwrap();
    assert!(matches!(replace(second, 4).await, Err(Error::Changed { .. })));
    assert!(matches!(store.get(&key).await, Err(Error::NotFound { .. })));
}

async fn every_write_has_a_generation_of_its_own(store: &dyn Store) {
    let mut generations = Vec::new();
    for _ in 0..20 {
        let generation = store.write("generations", "same".into(), PutMode::Overwrite).await.unwrap();
        assert!(!generations.contains(&generation), "{generations:?}");
        generations.push(generation);
    }
}
