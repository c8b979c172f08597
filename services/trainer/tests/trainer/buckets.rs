//! Tiles, checkpoints and packages in Cloud Storage, played by an emulator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bcs_storage::gcs::Endpoint;
use bcs_storage::{GcsStore, PutMode, Store, Uri};
use bcs_tests::{Emulator, SMALL, package, program, run_ok};
use tokio::runtime::Runtime;

use crate::support::{outcome, trained, write_tile, write_tissue};

/// Time after which a wait fails.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Tiles and model repository in a bucket.
const BUCKETS: [&str; 2] =
    ["data.root=gs://bucket/tissue", "train_hyp.model_repo_location=gs://bucket/models"];

/// A bucket in an emulator, with the tiles of a folder.
struct Cloud {
    runtime: Runtime,
    emulator: Emulator,
    store: GcsStore,
}

impl Cloud {
    fn start(folder: &Path) -> Option<Self> {
        let emulator = Emulator::start()?;
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(async {
            emulator.create_bucket("bucket").await;
            let uri = Uri::parse("gs://bucket").unwrap();
            GcsStore::connect(&uri, &Endpoint::named(&emulator.address())).await.unwrap()
        });
        for set in ["train", "train_mask", "val", "val_mask"] {
            for entry in fs::read_dir(folder.join("tissue").join(set)).unwrap() {
                let path = entry.unwrap().path();
                let key = path.strip_prefix(folder).unwrap().to_str().unwrap();
                runtime.block_on(store.put(key, fs::read(&path).unwrap().into(), PutMode::Create)).unwrap();
            }
        }
        Some(Self { runtime, emulator, store })
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        self.runtime.block_on(self.store.list(prefix)).unwrap()
    }

    /// Downloads the objects of a folder.
    fn download(&self, prefix: &str, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for key in self.keys(prefix) {
            let bytes = self.runtime.block_on(self.store.get(&key)).unwrap();
            fs::write(folder.join(key.rsplit('/').next().unwrap()), bytes).unwrap();
        }
    }

    /// Prefix of the only package.
    fn package(&self) -> String {
        let keys = self.keys("models/");
        let packages: Vec<&str> = keys
            .iter()
            .filter(|key| key.contains("/best_model"))
            .filter_map(|key| key.strip_suffix("metadata.json"))
            .collect();
        assert_eq!(packages.len(), 1, "{keys:?}");
        packages[0].to_owned()
    }

    fn environment(&self, cache: &Path) -> Vec<(&'static str, String)> {
        vec![
            ("STORAGE_EMULATOR_HOST", self.emulator.address()),
            ("XDG_CACHE_HOME", cache.to_str().unwrap().to_owned()),
            ("OMP_NUM_THREADS", "1".to_owned()),
        ]
    }

    /// Trains in a folder, asserts success, and returns what was printed.
    fn train(&self, folder: &Path, overrides: &[&str], more: &[(&str, &str)]) -> String {
        let environment = self.environment(&folder.join("cache"));
        let environment: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(more.iter().copied())
            .collect();
        let (code, printed, error) =
            outcome(folder, &[&SMALL[..], &BUCKETS, overrides].concat(), &environment);
        assert_eq!(code, Some(0), "{error}");
        printed
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_model_is_trained_from_a_bucket_into_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let Some(cloud) = Cloud::start(folder.path()) else { return };
    let work = tempfile::tempdir().unwrap();
    let vertex = [("AIP_MODEL_DIR", "gs://bucket/vertex/model/")];
    let printed = cloud.train(work.path(), &[], &vertex);
    assert!(printed.contains("gs://bucket/tissue/train: downloading 2 objects"), "{printed}");
    let prefix = cloud.package();
    assert!(printed.contains(&format!("gs://bucket/{}", prefix.trim_end_matches('/'))), "{printed}");
    assert!(
        cloud
            .keys("models/")
            .iter()
            .any(|key| key.contains("/checkpoints/last-epoch=0002-batch=000000/metadata.json"))
    );
    assert_eq!(files(&work.path().join("cache/bcs/runs")), Vec::<PathBuf>::new());

    let best = work.path().join("best");
    cloud.download(&prefix, &best);
    let flat = work.path().join("flat");
    cloud.download("vertex/model/", &flat);
    assert_eq!(fs::read(best.join("metadata.json")).unwrap(), fs::read(flat.join("metadata.json")).unwrap());
    let tissue = folder.path().join("tissue");
    let path = |name: &str| tissue.join(name).to_str().unwrap().to_owned();
    run_ok(
        "bcs-trainer",
        &[
            "evaluate",
            "--model",
            best.to_str().unwrap(),
            "--images",
            &path("val"),
            "--masks",
            &path("val_mask"),
        ],
        work.path(),
        &[],
    );
    // Tiles that have not changed are not read again.
    let printed = cloud.train(
        work.path(),
        &["train_hyp.max_epochs=1"],
        &[("AIP_CHECKPOINT_DIR", "gs://bucket/job/checkpoints")],
    );
    assert!(!printed.contains("downloading"), "{printed}");
    assert!(cloud.keys("job/checkpoints/").iter().any(|key| key.contains("/checkpoints/last-epoch=0001")));
}

#[test]
fn a_killed_run_goes_on_from_its_bucket() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..8 {
        let codes = if at % 2 == 0 { [1, 2] } else { [2, 1] };
        let set = if at < 6 { "train" } else { "val" };
        write_tile(&folder.path().join("tissue"), set, &format!("tile-{at:02}"), codes);
    }
    let Some(cloud) = Cloud::start(folder.path()) else { return };
    let overrides = [
        "train_hyp.max_epochs=8",
        "train_hyp.training_batch_size=2",
        "train_hyp.checkpoint.every_n_train_steps=1",
    ];
    trained(folder.path(), &overrides);
    let expected = fs::read(package(&folder.path().join("models")).join("model.safetensors")).unwrap();

    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut process = Command::new(program("bcs-trainer"))
        .args(SMALL)
        .args(BUCKETS)
        .args(overrides)
        .current_dir(first.path())
        .envs(cloud.environment(&first.path().join("cache")))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let is_stored =
        |key: &String| key.contains("/checkpoints/last-epoch=0002") && key.ends_with("metadata.json");
    while !cloud.keys("models/").iter().any(is_stored) {
        assert!(
            start.elapsed() < TIMEOUT && process.try_wait().unwrap().is_none(),
            "no checkpoint is stored"
        );
    }
    process.kill().unwrap();
    process.wait().unwrap();

    // On another machine.
    let printed = cloud.train(second.path(), &[&overrides[..], &["train_hyp.resume=auto"]].concat(), &[]);
    assert!(printed.contains("resume      ") && !printed.contains("this is a new one"), "{printed}");
    let prefix = cloud.package();
    cloud.download(&prefix, &second.path().join("best"));
    assert!(fs::read(second.path().join("best/model.safetensors")).unwrap() == expected, "the models differ");
    let last: Vec<String> = cloud
        .keys("models/")
        .into_iter()
        .filter(|key| key.contains("/last-") && key.ends_with("/metadata.json"))
        .collect();
    assert_eq!(last.len(), 2, "the two newest checkpoints are kept: {last:?}");
}

#[test]
fn buckets_that_cannot_be_used_are_named_before_training() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let Some(cloud) = Cloud::start(folder.path()) else { return };
    let environment = cloud.environment(folder.path());
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (key, code, reason) in [
        ("data.root=gs://bucket/none", 2, "gs://bucket/none/train: there are no objects"),
        ("data.root=gs://no-such-bucket/x", 1, "no-such-bucket"),
        ("train_hyp.model_repo_location=gs://no-such-bucket/x", 1, "no-such-bucket"),
        ("train_hyp.model_repo_location=gs://B", 2, "not a valid Cloud Storage URI"),
        ("train_hyp.resume=gs://bucket/models/none", 2, "is no run in gs://bucket/models"),
    ] {
        let (found, _, error) =
            outcome(folder.path(), &[&SMALL[..], &BUCKETS, &[key]].concat(), &environment);
        assert!(found == Some(code) && error.contains(reason), "{key}: {found:?} {error}");
    }
    assert_eq!(cloud.keys("models/"), Vec::<String>::new());
}
