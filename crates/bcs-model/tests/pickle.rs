//! `read` against `torch.load`; `golden/make_pickles.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::fs;
use std::path::{Path, PathBuf};

use bcs_model::weights::{check_torchscript, read, read_safetensors};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pickle")
}

/// Paths of the golden `.pt` files, those to read or those to refuse.
fn files(refused: bool) -> Vec<PathBuf> {
    let files = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path());
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(".pt") && name.starts_with("refused_") == refused
    };
    files.filter(wanted).collect()
}

#[test]
fn every_usual_form_reads_as_torch_load_reads_it() {
    let files = files(false);
    assert!(files.len() >= 8);
    for path in files {
        let ours = read(&path).unwrap();
        let bytes = fs::read(path.with_extension("safetensors")).unwrap();
        let theirs = read_safetensors(&bytes, "golden").unwrap();
        assert!(ours.keys().eq(theirs.keys()), "{}", path.display());
        for (name, tensor) in ours {
            let expected = &theirs[&name];
            assert_eq!(tensor.kind(), expected.kind(), "{}: {name}", path.display());
            assert!(tensor.is_contiguous(), "{}: {name}", path.display());
            assert!(tensor.equal(expected), "{}: {name}", path.display());
        }
    }
}

#[test]
fn other_contents_are_refused_by_name() {
    let expected = [
        ("complex", "torch.ComplexFloatStorage"),
        ("conjugated", "conjugated or negated"),
        ("frozen", "no named parameters"),
        ("legacy", "before version 1.6"),
        ("list", "a list"),
        ("module", "torch.nn.modules.container.Sequential"),
        ("number", "'epoch' is a number"),
        ("object", "__main__.Other"),
        ("protocol", "default protocol"),
        ("sparse", "torch._utils._rebuild_sparse_tensor"),
    ];
    assert_eq!(files(true).len(), expected.len());
    for (name, part) in expected {
        let error = read(&golden().join(format!("refused_{name}.pt"))).unwrap_err().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
}

#[test]
fn missing_files_folders_and_other_formats_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| read(path).unwrap_err().to_string();
    assert!(error(&folder.path().join("gone.pt")).contains("No such file"));
    let nested = folder.path().join("x.pt");
    fs::create_dir(&nested).unwrap();
    assert!(error(&nested).contains("it is a folder"));
    let written = |bytes: &[u8]| {
        let path = folder.path().join("file.pt");
        fs::write(&path, bytes).unwrap();
        error(&path)
    };
    assert!(written(b"").contains("empty"));
    assert!(written(b"hello, world").contains("neither a safetensors file nor one written by torch.save"));
    let whole = fs::read(golden().join("state_dict.pt")).unwrap();
    for length in [10, 100, whole.len() / 2, whole.len() - 1] {
        assert!(written(&whole[..length]).contains("cut short"), "{length}");
    }
}

#[test]
fn state_dictionaries_are_not_taken_for_torchscript() {
    let file = fs::read(golden().join("state_dict.pt")).unwrap();
    assert!(check_torchscript(&file).unwrap_err().contains("bcs-trainer import"));
    let script = fs::read(golden().join("torchscript.pt")).unwrap();
    assert!(check_torchscript(&script).is_ok());
}
