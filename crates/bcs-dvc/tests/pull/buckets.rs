//! Remotes in Cloud Storage, played by an emulator.

use std::path::Path;

use bcs_storage::gcs::Endpoint;
use bcs_storage::{GcsStore, PutMode, Store, Uri};
use bcs_tests::Emulator;
use tokio::runtime::Runtime;

use crate::support::{Copy, LAYOUTS, tree};

/// Opens a prefix of a new bucket.
async fn bucket(emulator: &Emulator, name: &str) -> GcsStore {
    emulator.create_bucket(name).await;
    let uri = Uri::parse(&format!("gs://{name}/dvc")).unwrap();
    GcsStore::connect(&uri, &Endpoint::named(&emulator.address())).await.unwrap()
}

async fn upload(store: &GcsStore, folder: &Path) {
    for (path, (_, content)) in tree(folder) {
        store.put(path.to_str().unwrap(), content.into(), PutMode::Overwrite).await.unwrap();
    }
}

/// Makes a bucket the remote of a repository.
fn choose(copy: &Copy, emulator: &Emulator, bucket: &str, more: &str) {
    let address = emulator.address();
    let text = format!(
        "[core]\nremote = cloud\n['remote \"cloud\"']\nurl = gs://{bucket}/dvc\nendpointurl = {address}\n{more}"
    );
    copy.write(".dvc/config.local", &text);
}

#[test]
fn data_is_pulled_from_a_bucket() {
    let Some(emulator) = Emulator::start() else { return };
    let runtime = Runtime::new().unwrap();
    for layout in LAYOUTS {
        let copy = Copy::new(layout);
        let store = runtime.block_on(bucket(&emulator, layout));
        runtime.block_on(upload(&store, &copy.remote()));
        choose(&copy, &emulator, layout, "");
        assert_eq!(copy.pull().unwrap().fetched, 9);
        copy.check_data();
        copy.check_cache();
    }
}

#[test]
fn a_damaged_object_of_a_bucket_is_named() {
    let Some(emulator) = Emulator::start() else { return };
    let runtime = Runtime::new().unwrap();
    let copy = Copy::new("dvc3");
    let store = runtime.block_on(bucket(&emulator, "damaged"));
    runtime.block_on(upload(&store, &copy.remote()));
    let key = copy.object_of_a().1;
    runtime.block_on(store.put(&key, "damaged".into(), PutMode::Overwrite)).unwrap();
    choose(&copy, &emulator, "damaged", "");
    let message = copy.pull().unwrap_err().to_string();
    assert!(message.contains(&format!("{key} in gs://damaged/dvc is damaged")), "{message}");
    assert!(!copy.root().join("data/train").exists());
}

#[test]
fn versions_are_those_of_the_dvc_file() {
    let Some(emulator) = Emulator::start() else { return };
    let runtime = Runtime::new().unwrap();
    let copy = Copy::new("dvc3");
    let store = runtime.block_on(async {
        emulator.create_versioned_bucket("versions").await;
        let uri = Uri::parse("gs://versions/dvc").unwrap();
        GcsStore::connect(&uri, &Endpoint::named(&emulator.address())).await.unwrap()
    });
    choose(&copy, &emulator, "versions", "version_aware = true\n");
    let put = |key: &str, content: &'static str| {
        runtime.block_on(store.write(key, content.into(), PutMode::Overwrite)).unwrap().0
    };
    let (old, new) = (put("data/train/sub/a.txt", "hello"), put("data/train/sub/a.txt", "jello"));
    let dvc_file = |version: i64| {
        let text = format!(
            "outs:\n- hash: md5\n  path: train\n  files:\n  - relpath: sub/a.txt\n    md5: 5d41402abc4b2a76b9719d911017c592\n    \
             size: 5\n    cloud:\n      cloud:\n        etag: x\n        version_id: '{version}'\n"
        );
        copy.write("data/train.dvc", &text);
    };
    ["labels.csv.dvc", "tools/run.sh.dvc"].iter().for_each(|file| copy.write(file, "outs: []"));
    dvc_file(new);
    let message = copy.pull().unwrap_err().to_string();
    assert!(message.contains("data/train/sub/a.txt in gs://versions/dvc is damaged"), "{message}");
    dvc_file(old);
    assert_eq!(copy.pull().unwrap().fetched, 1);
    assert_eq!(std::fs::read(copy.root().join("data/train/sub/a.txt")).unwrap(), b"hello");
}
