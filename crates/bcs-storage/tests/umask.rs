//! Permissions of stored files and folders under several umasks, each in a process of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bcs_storage::{Bytes, LocalStore, PutMode, Store};

/// Folder of the store that the child process writes to.
const FOLDER: &str = "BCS_TEST_FOLDER";

#[tokio::test]
#[ignore = "the child process of files_and_folders_get_the_mode_of_the_umask"]
async fn child_process() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let store = LocalStore::open(folder).unwrap();
        for mode in [PutMode::Create, PutMode::Overwrite] {
            store.put(&format!("records/{mode:?}.json"), Bytes::from_static(b"{}"), mode).await.unwrap();
        }
    }
}

#[test]
fn files_and_folders_get_the_mode_of_the_umask() {
    for (umask, file, folder) in [("022", 0o644, 0o755), ("027", 0o640, 0o750), ("077", 0o600, 0o700)] {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("bucket");
        let output = Command::new("sh")
            .args(["-c", "umask $0 && exec \"$@\"", umask])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--ignored"])
            .env(FOLDER, &root)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for name in ["records/Create.json", "records/Overwrite.json"] {
            assert_eq!(mode(&root.join(name)), file, "{name}, umask {umask}");
        }
        for name in ["", "records", ".unfinished"] {
            assert_eq!(mode(&root.join(name)), folder, "folder '{name}', umask {umask}");
        }
    }
}
