//! Damaged, missing and interrupted data.

use std::fs;

use bcs_dvc::{Error, Options};

use crate::support::{Copy, LAYOUTS};

#[test]
fn a_damaged_object_is_named_and_nothing_is_put_into_place() {
    for layout in LAYOUTS {
        let copy = Copy::new(layout);
        let (path, key) = copy.object_of_a();
        let mut content = fs::read(&path).unwrap();
        content[100] ^= 1;
        fs::write(&path, content).unwrap();
        let error = copy.pull().unwrap_err();
        assert!(matches!(&error, Error::Objects(problems) if problems.len() == 1), "{error}");
        let message = error.to_string();
        for part in [key.as_str(), "its md5 is ", "data/train/", "e2c865db4162bed963bfaa9ef6ac18f0"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!copy.root().join("data/train").exists() && !copy.root().join("labels.csv").exists());
        assert!(!copy.root().join(".dvc/cache").join(&key).exists());
    }
}

#[test]
fn all_missing_objects_are_named() {
    let copy = Copy::new("dvc3");
    fs::remove_file(copy.object_of_a().0).unwrap();
    let empty = copy.remote().join("files/md5/d4/1d8cd98f00b204e9800998ecf8427e");
    let content = fs::read(&empty).unwrap();
    fs::remove_file(&empty).unwrap();
    let message = copy.pull().unwrap_err().to_string();
    assert!(message.starts_with("2 objects cannot be fetched:"), "{message}");
    for part in ["files/md5/e2/c865db", "for data/train/a.png", "files/md5/d4/1d8cd", "dvc push"] {
        assert!(message.contains(part), "{message}");
    }
    // The others need not be fetched again.
    fs::write(&empty, content).unwrap();
    assert_eq!(copy.pull().unwrap_err().to_string().lines().count(), 2);
}

#[test]
fn a_damaged_list_changes_nothing() {
    let copy = Copy::new("dvc3");
    let list = copy.remote().join("files/md5/34/f9b32ca470aefec97eefd39f17bc07.dir");
    fs::write(&list, "[{\"md5\": \"e2c865db4162bed963bfaa9ef6ac18f0\", \"relpath\": \"../../../escaped\"}]")
        .unwrap();
    let message = copy.pull().unwrap_err().to_string();
    assert!(
        message.contains("34/f9b32ca470aefec97eefd39f17bc07.dir") && message.contains("is damaged"),
        "{message}"
    );
    assert!(!copy.root().join("../escaped").exists() && !copy.root().join("labels.csv").exists());
}

#[test]
fn a_damaged_cache_is_mended() {
    for layout in LAYOUTS {
        let copy = Copy::new(layout);
        copy.pull().unwrap();
        let key = copy.object_of_a().1;
        let cached = copy.root().join(".dvc/cache").join(key);
        fs::remove_file(&cached).unwrap();
        fs::write(&cached, "damaged").unwrap();
        fs::remove_dir_all(copy.root().join("data/train")).unwrap();
        assert_eq!(copy.pull().unwrap().fetched, 1);
        copy.check_data();
        copy.check_cache();
    }
}

#[test]
fn an_interrupted_pull_goes_on() {
    let copy = Copy::new("dvc3");
    let (path, _) = copy.object_of_a();
    let content = fs::read(&path).unwrap();
    let unfinished = copy.root().join(".dvc/cache/.unfinished");
    fs::create_dir_all(&unfinished).unwrap();
    // What was left of one object is its beginning, of another one something else.
    fs::write(unfinished.join("e2c865db4162bed963bfaa9ef6ac18f0"), &content[..100]).unwrap();
    fs::write(unfinished.join("e7a75d9b1fed1c3ffc172604172e1c0c"), "other").unwrap();
    copy.write("data/train/.bcs-pull-x1", "an unfinished copy");
    let complete: u64 = copy.sizes_of_the_remote();
    let pulled = copy.pull().unwrap();
    copy.check_data();
    copy.check_cache();
    let longer = pulled.bytes - (complete - 100);
    assert!(longer <= 64, "only the object with a wrong beginning is read twice: {longer} bytes more");
}

#[test]
fn remotes_that_cannot_be_used_are_named() {
    let copy = Copy::new("dvc3");
    let pull = |remote: &str| {
        let options = Options { remote: Some(remote.to_owned()), jobs: 1, force: false };
        copy.pull_with(&options).unwrap_err().to_string()
    };
    copy.write(
        ".dvc/config.local",
        "['remote \"s3\"']\nurl = s3://bucket\n['remote \"gone\"']\nurl = ../../gone\n['remote \"bad\"']\nurl = gs://B\n",
    );
    assert!(pull("other").contains("there is no remote 'other' (known: bad, gone, s3, store)"));
    assert!(pull("s3").contains("s3:// is not supported"));
    assert!(pull("gone").contains("there is no folder"));
    assert!(pull("bad").contains("not a valid Cloud Storage URI"));
    copy.write(
        "labels.csv.dvc",
        "outs:\n- md5: abcdefabcdefabcdefabcdefabcdefab\n  path: labels.csv\n  push: false\n",
    );
    assert!(copy.pull().unwrap_err().to_string().contains("push: false"));
    copy.write(
        "labels.csv.dvc",
        "deps:\n- path: x\n  repo: {url: https://example.com}\nouts:\n- md5: abcdefabcdefabcdefabcdefabcdefab\n  path: labels.csv\n",
    );
    assert!(copy.pull().unwrap_err().to_string().contains("imported from https://example.com"));
}
