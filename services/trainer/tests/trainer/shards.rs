//! Tiles are packed, and training streams them from a folder or a bucket.

use std::fs;
use std::path::Path;
use std::process::Command;

use bcs_tests::{Emulator, SMALL, run_ok};
use tokio::runtime::Runtime;

use crate::support::{json, metrics, outcome, train, trained, write_tiles};

fn pack(output: &str) -> [&str; 9] {
    let [images, masks] = ["tissue/train", "tissue/train_mask"];
    ["pack", "--images", images, "--masks", masks, "--output", output, "--shard-mb", "1"]
}

/// What a run leaves: the parameters of its newest checkpoint.
fn weights(folder: &Path) -> Vec<u8> {
    let run = fs::read_dir(folder.join("models")).unwrap().next().unwrap().unwrap().path();
    fs::read(run.join("checkpoints/last/model.safetensors")).unwrap()
}

#[test]
fn tar_reads_what_is_packed_and_training_streams_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tiles(here);
    let printed = run_ok("bcs-trainer", &pack("shards"), here, &[]);
    assert!(printed.contains("tiles       10") && printed.contains("data.train_shards=shards"), "{printed}");
    let index = json(here.join("shards/index.json"));
    assert_eq!((index["size"][0].as_u64(), index["shards"][0]["tiles"].as_u64()), (Some(64), Some(10)));
    let listed = Command::new("tar").args(["-tf", "shards/tiles-000000.tar"]).current_dir(here).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    assert!(listed.lines().any(|name| name == "000000003.image.png"), "{listed}");
    assert_eq!(listed.lines().count(), 30);

    let printed = trained(here, &["data.train_shards=shards"]);
    assert!(printed.contains("best_model"), "{printed}");
    assert_eq!(metrics(here).len(), 2);

    let (code, _, error) = outcome(here, &pack("shards"), &[]);
    assert_eq!((code, error.contains("has shards already")), (Some(2), true), "{error}");
    let (code, _, error) = train(here, &["data.train_shards=tissue"]);
    assert_eq!((code, error.contains("there is no index.json")), (Some(2), true), "{error}");
    let (code, _, error) = train(here, &["data.train_shards=shards", "data.split=patient"]);
    assert_eq!((code, error.contains("choose data.split=folder")), (Some(2), true), "{error}");
}

#[test]
fn a_bucket_streams_as_a_folder_does() {
    let Some(emulator) = Emulator::start() else {
        eprintln!("skipped: there is no emulator; run scripts/emulator");
        return;
    };
    Runtime::new().unwrap().block_on(emulator.create_bucket("bucket"));
    let address = emulator.address();
    let environment = [("STORAGE_EMULATOR_HOST", address.as_str()), ("OMP_NUM_THREADS", "1")];
    let (local, cloud) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, output) in [(&local, "shards"), (&cloud, "gs://bucket/shards")] {
        write_tiles(folder.path());
        run_ok("bcs-trainer", &pack(output), folder.path(), &environment);
        let shards = format!("data.train_shards={output}");
        let arguments = [&SMALL[..], &[&shards, "train_hyp.training_num_workers=3"]].concat();
        run_ok("bcs-trainer", &arguments, folder.path(), &environment);
    }
    assert!(weights(local.path()) == weights(cloud.path()), "the models differ");
}

#[test]
fn a_damaged_tile_ends_the_run_or_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tiles(here);
    run_ok("bcs-trainer", &pack("shards"), here, &[]);
    let shard = here.join("shards/tiles-000000.tar");
    let mut content = fs::read(&shard).unwrap();
    // Behind the header of the first file, and that of the PNG.
    content[512 + 40..512 + 200].fill(0);
    fs::write(&shard, content).unwrap();
    let (code, _, error) = train(here, &["data.train_shards=shards"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("tiles-000000.tar: image of 000000000 (tile-"), "{error}");
    let (code, _, error) = train(here, &["data.train_shards=shards", "data.stream.on_damage=skip"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        error.contains("warning: a damaged tile is passed over: ") && error.contains("000000000 (tile-"),
        "{error}"
    );
}
