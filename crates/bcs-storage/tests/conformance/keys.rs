//! Keys mean the same in every store, and those that do not are refused.

use bcs_storage::{Error, PutMode, Store};

pub(crate) async fn conform(store: &dyn Store) {
    unusual_keys_are_kept_apart(store).await;
    invalid_keys_are_refused(store).await;
}

async fn unusual_keys_are_kept_apart(store: &dyn Store) {
    let mut keys = [
        "date=2026-01-02/a b.json",
        "date=2026-01-02/a+b.json",
        "date=2026-01-02/a%20b.json",
        "date=2026-01-02/a%2Fb.json",
        "date=2026-01-02/a/b.json",
        "date=2026-01-02/a?b#c&d.json",
        "date=2026-01-02/größe µm ✓.json",
        "..hidden/...",
    ]
    .map(|key| format!("keys/{key}"));
    for key in &keys {
        store.put(key, key.clone().into(), PutMode::Create).await.unwrap();
    }
    for key in &keys {
        assert_eq!(store.get(key).await.unwrap(), key.as_bytes(), "{key}");
    }
    keys.sort_unstable();
    assert_eq!(store.list("keys/").await.unwrap(), keys);
    for key in &keys {
        store.delete(key).await.unwrap();
    }
    assert!(store.list("keys/").await.unwrap().is_empty());
}

async fn invalid_keys_are_refused(store: &dyn Store) {
    let invalid = |result: Result<(), Error>| matches!(result, Err(Error::InvalidKey { .. }));
    for key in ["", "/", "/a", "a/", "a//b", "../a", "a/../b", "a\\b", "a\nb"] {
        assert!(invalid(store.put(key, "1".into(), PutMode::Overwrite).await), "{key:?}");
        assert!(invalid(store.get(key).await.map(drop)), "{key:?}");
        assert!(invalid(store.get_range(key, 0..1).await.map(drop)), "{key:?}");
        assert!(invalid(store.delete(key).await), "{key:?}");
    }
    for prefix in ["/", "../", "a//"] {
        assert!(invalid(store.list(prefix).await.map(drop)), "{prefix:?}");
        assert!(invalid(store.list_page(prefix, None, 1).await.map(drop)), "{prefix:?}");
    }
}
