//! Objects are read as they were written, whole and in part, until they are deleted.

use bcs_storage::{Bytes, Error, PutMode, Store};

use crate::writes::large;

pub(crate) async fn conform(store: &dyn Store) {
    objects_are_read_as_written(store).await;
    ranges_are_parts_of_the_object(store).await;
    deleted_objects_are_gone(store).await;
}

async fn objects_are_read_as_written(store: &dyn Store) {
    let every_byte: Bytes = (0..=255).collect::<Vec<u8>>().into();
    for (key, bytes) in
        [("objects/empty", Bytes::new()), ("objects/bytes.png", every_byte), ("objects/large", large(1))]
    {
        let generation = store.write(key, bytes.clone(), PutMode::Create).await.unwrap();
        let object = store.read(key).await.unwrap();
        assert!(object.bytes == bytes, "{key}");
        assert_eq!(object.generation, generation, "{key}");
        assert!(store.get(key).await.unwrap() == bytes, "{key}");
    }
    let error = store.read("objects/missing").await.unwrap_err();
    assert!(
        matches!(error, Error::NotFound { .. }) && error.to_string().contains("objects/missing"),
        "{error}"
    );
}

async fn ranges_are_parts_of_the_object(store: &dyn Store) {
    let (key, bytes) = ("ranges/object", large(2));
    store.put(key, bytes.clone(), PutMode::Create).await.unwrap();
    let end = bytes.len() as u64;
    let ranges = [(0, end), (0, 1), (17, 4000), (end - 5, end), (end - 5, end + 100), (0, u64::MAX >> 2)];
    for (from, to) in ranges {
        let part = store.get_range(key, from..to).await.unwrap();
        let expected = bytes.slice(usize::try_from(from).unwrap()..usize::try_from(to.min(end)).unwrap());
        assert!(part == expected, "{from}..{to}: {} bytes", part.len());
    }
    for (from, to) in [(5, 5), (end, end + 5), (end + 5, end + 10)] {
        assert!(store.get_range(key, from..to).await.unwrap().is_empty(), "{from}..{to}");
    }
    assert!(matches!(store.get_range("ranges/missing", 0..5).await, Err(Error::NotFound { .. })));
}

async fn deleted_objects_are_gone(store: &dyn Store) {
    let key = "deleted/object";
    store.put(key, "1".into(), PutMode::Create).await.unwrap();
    for _ in 0..2 {
        store.delete(key).await.unwrap();
        assert!(matches!(store.get(key).await, Err(Error::NotFound { .. })));
        assert!(store.list("deleted/").await.unwrap().is_empty());
    }
    store.put(key, "2".into(), PutMode::Create).await.unwrap();
    assert_eq!(store.get(key).await.unwrap(), "2");
}
