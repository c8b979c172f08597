//! Lists have all objects of a prefix, once and in order, however they are paged.

use bcs_storage::{Entry, PutMode, Store};

pub(crate) async fn conform(store: &dyn Store) {
    let mut keys: Vec<String> = (0..7).map(|at| format!("lists/day=1/{at}.json")).collect();
    keys.extend(
        ["lists/day=10/a.json", "lists/day=2/a.json", "lists/day=2/b/c.json", "lists/x"].map(String::from),
    );
    for key in &keys {
        store.put(key, key.clone().into(), PutMode::Create).await.unwrap();
    }
    keys.sort_unstable();
    for prefix in
        ["lists/", "lists/day=1", "lists/day=1/", "lists/day=2/b", "lists/day=1/3", "lists/x", "lists/none/"]
    {
        let expected: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        assert_eq!(store.list(prefix).await.unwrap(), expected, "{prefix}");
        for limit in [1, 2, 3, 1000] {
            assert_eq!(paged(store, prefix, limit).await, expected, "{prefix} in pages of {limit}");
        }
    }
    let all = store.list("").await.unwrap();
    assert!(all.is_sorted() && keys.iter().all(|key| all.contains(key)));
    entries_describe_their_objects(store).await;
}

async fn paged(store: &dyn Store, prefix: &str, limit: usize) -> Vec<String> {
    let (mut keys, mut token) = (Vec::new(), None);
    loop {
        let page = store.list_page(prefix, token.as_deref(), limit).await.unwrap();
        assert!(page.entries.len() <= limit, "{} of {limit}", page.entries.len());
        keys.extend(page.entries.into_iter().map(|entry| entry.key));
        assert!(keys.len() <= 100, "the pages do not end");
        match page.next {
            Some(next) => token = Some(next),
            None => return keys,
        }
    }
}

async fn entries_describe_their_objects(store: &dyn Store) {
    let page = store.list_page("lists/day=2/", None, 10).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    for Entry { key, size, generation } in page.entries {
        let object = store.read(&key).await.unwrap();
        assert_eq!((size, generation), (object.bytes.len() as u64, object.generation), "{key}");
    }
}
