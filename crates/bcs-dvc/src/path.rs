//! Paths as they are written in files of DVC: relative, with `/`.

use std::path::{Component, Path, PathBuf};

/// Joins a relative path to a folder in the repository without following links; `None` for a path that leaves the
/// repository, or is absolute. Both paths are relative to the root of the repository.
pub(crate) fn join(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut joined = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => joined.push(name),
            Component::CurDir => {}
            Component::ParentDir if joined.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(joined)
}

/// Returns which rule a path in a directory breaks.
pub(crate) fn fault_in_directory(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("it is empty")
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("a component between '/' is empty, '.' or '..'")
    } else if path.contains('\0') {
        Some("it contains a null character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_stay_in_the_repository() {
        let join = |folder: &str, path: &str| join(Path::new(folder), path);
        assert_eq!(join("data", "train"), Some("data/train".into()));
        assert_eq!(join("data/raw", "../train/./a.png"), Some("data/train/a.png".into()));
        assert_eq!(join("", "a"), Some("a".into()));
        for path in ["/etc/passwd", "../../x", "a/../../../x"] {
            assert_eq!(join("data", path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_path_without_fault_is_below_its_directory(path in "[a./\\\\é\\x00]{0,12}") {
            if fault_in_directory(&path).is_none() {
                let joined = join(Path::new("d"), &path).unwrap();
                prop_assert!(joined.starts_with("d") && joined != Path::new("d"));
                prop_assert_eq!(joined, Path::new("d").join(&path));
            }
        }
    }
}
