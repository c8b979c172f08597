//! `bcs-trainer pull`, and training on data that is not pulled yet.

use std::fs;
use std::path::Path;

use bcs_dvc::md5;
use bcs_dvc::object::{HashName, ObjectId};
use bcs_tests::run;

use crate::support::{train, write_tissue};

/// Moves a folder into the remote of a repository in `folder`, as `dvc add` and `dvc push` would, and returns the path of one
/// of its objects.
fn track(folder: &Path, data: &str) -> std::path::PathBuf {
    fs::create_dir_all(folder.join(".dvc")).unwrap();
    fs::write(
        folder.join(".dvc/config"),
        "[core]\n    remote = store\n['remote \"store\"']\n    url = ../remote\n",
    )
    .unwrap();
    let object = |path: &Path, suffix: &str| {
        let md5 = md5::of_file(path, HashName::Md5).unwrap();
        let object = ObjectId::parse(&format!("{md5}{suffix}"), HashName::Md5).unwrap();
        let target = folder.join("remote").join(object.key());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, &target).unwrap();
        (object.to_string(), target)
    };
    let (mut list, mut last) = (Vec::new(), None);
    for entry in fs::read_dir(folder.join(data)).unwrap() {
        let path = entry.unwrap().path();
        let (md5, target) = object(&path, "");
        list.push(serde_json::json!({"md5": md5, "relpath": path.file_name().unwrap().to_str().unwrap()}));
        last = Some(target);
    }
    let file = folder.join("list");
    fs::write(&file, serde_json::Value::from(list).to_string()).unwrap();
    let (md5, _) = object(&file, ".dir");
    let name = Path::new(data).file_name().unwrap().to_str().unwrap();
    fs::write(
        folder.join(format!("{data}.dvc")),
        format!("outs:\n- md5: {md5}\n  hash: md5\n  path: {name}\n"),
    )
    .unwrap();
    fs::remove_dir_all(folder.join(data)).unwrap();
    last.unwrap()
}

#[test]
fn missing_data_is_pulled_before_training() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    for data in ["tissue/train", "tissue/train_mask", "tissue/val"] {
        track(folder.path(), data);
    }
    let (code, printed, error) = train(folder.path(), &["train_hyp.max_epochs=1"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("tissue/train is missing; pulling tissue/train.dvc"), "{printed}");
    assert!(printed.contains("3 objects fetched") && !printed.contains("val_mask is missing"), "{printed}");
}

#[test]
fn a_damaged_object_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_tissue(folder.path());
    let object = track(folder.path(), "tissue/train");
    let content = fs::read(&object).unwrap();
    fs::write(&object, "damaged").unwrap();
    let pull = |arguments: &[&str]| {
        let output = run("bcs-trainer", &[&["pull"], arguments].concat(), folder.path(), &[]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, _, error) = pull(&[]);
    let key = object.strip_prefix(folder.path().join("remote")).unwrap().to_str().unwrap();
    assert!(code == Some(1) && error.contains(key) && error.contains("damaged"), "{error}");
    assert!(!folder.path().join("tissue/train").exists());
    fs::write(&object, content).unwrap();
    let (code, printed, error) = pull(&["tissue/train.dvc", "--jobs", "1"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(printed.contains("1 object fetched") && printed.contains("2 added"), "{printed}");

    let (code, _, error) = pull(&["tissue/none.dvc"]);
    assert!(code == Some(2) && error.contains("tissue/none.dvc"), "{error}");
    let (code, _, error) = pull(&["--remote", "other"]);
    assert!(code == Some(2) && error.contains("known: store"), "{error}");
    assert_eq!(pull(&["--jobs", "0"]).0, Some(2));
}
