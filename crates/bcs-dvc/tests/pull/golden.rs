//! What a pull leaves is what the real DVC leaves.

use std::fs;
use std::path::Path;

use bcs_dvc::{Error, Options, Repository};

use crate::support::{Copy, LAYOUTS, tree};

#[test]
fn data_and_cache_are_those_of_dvc() {
    for layout in LAYOUTS {
        let copy = Copy::new(layout);
        let pulled = copy.pull().unwrap();
        copy.check_data();
        copy.check_cache();
        // 9 files, two of them equal, and the list of a directory.
        assert_eq!((pulled.fetched, pulled.added, pulled.modified), (9, 9, 0), "{layout}");
        let again = copy.pull().unwrap();
        assert_eq!((again.fetched, again.added, again.unchanged), (0, 0, 9), "{layout}");
    }
}

#[test]
fn only_what_differs_is_changed() {
    for layout in LAYOUTS {
        let copy = Copy::new(layout);
        copy.pull().unwrap();
        // Copies of known files may be lost; so may folders without files.
        fs::copy(copy.root().join("data/train/a.png"), copy.root().join("data/train/sub/extra.png")).unwrap();
        fs::copy(copy.root().join("data/train/a.png"), copy.root().join("labels.csv")).unwrap();
        fs::create_dir_all(copy.root().join("data/train/new/folder")).unwrap();
        fs::remove_file(copy.root().join("data/train/empty")).unwrap();
        let pulled = copy.pull().unwrap();
        assert_eq!((pulled.fetched, pulled.added, pulled.modified, pulled.deleted), (0, 1, 1, 1));
        copy.check_data();
        assert!(!copy.root().join("data/train/new").exists());
    }
}

#[test]
fn files_and_folders_change_places() {
    let copy = Copy::new("dvc3");
    copy.pull().unwrap();
    let train = copy.root().join("data/train");
    fs::remove_file(train.join("a.png")).unwrap();
    fs::create_dir(train.join("a.png")).unwrap();
    fs::copy(train.join("empty"), train.join("a.png/empty")).unwrap();
    fs::remove_dir_all(train.join("sub")).unwrap();
    fs::copy(train.join("empty"), train.join("sub")).unwrap();
    copy.pull().unwrap();
    copy.check_data();
}

#[test]
fn unsaved_changes_are_lost_by_force_only() {
    let copy = Copy::new("dvc3");
    copy.pull().unwrap();
    copy.write("labels.csv", "mine");
    copy.write("data/train/mine.png", "mine");
    fs::remove_file(copy.root().join("data/train/empty")).unwrap();
    let error = copy.pull().unwrap_err();
    let Error::Unsaved(paths) = &error else { panic!("{error}") };
    assert_eq!(*paths, ["data/train/mine.png", "labels.csv"].map(Path::new));
    assert!(error.to_string().contains("--force"));
    assert!(!copy.root().join("data/train/empty").exists(), "something has changed");
    copy.pull_with(&Options { jobs: 1, force: true, remote: None }).unwrap();
    copy.check_data();
}

#[test]
fn ignored_files_are_left_alone() {
    let copy = Copy::new("dvc3");
    copy.write(".dvcignore", "# comment\n*.tmp\n/data/train/notes/\n");
    copy.write("data/train/sub/x.tmp", "mine");
    copy.write("data/train/notes/x.txt", "mine");
    let pulled = copy.pull().unwrap();
    assert_eq!((pulled.added, pulled.deleted), (9, 0));
    assert!(copy.root().join("data/train/sub/x.tmp").exists());
    assert!(copy.root().join("data/train/notes/x.txt").exists());
}

#[test]
fn right_files_are_not_fetched_but_cached() {
    for layout in LAYOUTS {
        let copy = Copy::new(layout);
        copy.pull().unwrap();
        fs::remove_dir_all(copy.root().join(".dvc/cache")).unwrap();
        let pulled = copy.pull().unwrap();
        // The list alone.
        assert_eq!((pulled.fetched, pulled.unchanged), (1, 9));
        copy.check_cache();
    }
}

#[test]
fn links_are_those_of_the_configuration() {
    for (kind, is_symlink) in [("symlink", true), ("hardlink,copy", false)] {
        let copy = Copy::new("dvc3");
        copy.write(".dvc/config.local", &format!("[cache]\n    type = {kind}\n    dir = ../../elsewhere\n"));
        copy.pull().unwrap();
        copy.check_data_without_modes();
        let file = copy.root().join("data/train/a.png");
        assert_eq!(fs::symlink_metadata(&file).unwrap().is_symlink(), is_symlink, "{kind}");
        assert!(fs::metadata(&file).unwrap().permissions().readonly(), "{kind}");
        assert_eq!(tree(&copy.root().join("../elsewhere")).len(), 9);
        assert_eq!(copy.pull().unwrap().unchanged, 9);
    }
}

#[test]
fn targets_are_dvc_files_or_what_they_track() {
    let copy = Copy::new("dvc3");
    let repository = Repository::discover(&copy.root().join("data/train/sub")).unwrap();
    let file = |path: &str| repository.dvc_file(&copy.root().join(path));
    assert_eq!(file("data/train.dvc").unwrap(), Path::new("data/train.dvc"));
    assert_eq!(file("data/train").unwrap(), Path::new("data/train.dvc"));
    assert_eq!(file("data/../labels.csv").unwrap(), Path::new("labels.csv.dvc"));
    assert!(file("data").unwrap_err().to_string().contains("there is no such .dvc file"));
    let all = ["data/train.dvc", "labels.csv.dvc", "tools/run.sh.dvc"].map(Path::new);
    assert_eq!(repository.dvc_files().unwrap(), all);
    let outside = tempfile::tempdir().unwrap();
    assert!(matches!(Repository::discover(outside.path()), Err(Error::NoRepository(_))));
    fs::write(outside.path().join("x.dvc"), "outs: []").unwrap();
    let error = repository.dvc_file(&outside.path().join("x.dvc")).unwrap_err();
    assert!(error.to_string().contains("not in the repository"), "{error}");
}

#[test]
fn what_dvc_does_not_pull_is_left_alone() {
    let copy = Copy::new("dvc3");
    copy.write("new.dvc", "outs:\n- path: new\n");
    copy.write(
        "metrics.dvc",
        "outs:\n- md5: 5d41402abc4b2a76b9719d911017c592\n  hash: md5\n  path: m.json\n  cache: false\n",
    );
    let pulled = copy.pull().unwrap();
    assert_eq!(pulled.without_hash, [Path::new("new")]);
    assert!(!copy.root().join("m.json").exists());
}
