//! Lists of the files of a directory: `.dir` objects, JSON arrays of `{"md5": …, "relpath": …}`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::object::{HashName, ObjectId};
use crate::path::fault_in_directory;

#[derive(Deserialize)]
struct RawEntry {
    relpath: String,
    md5: String,
}

/// Parses a list: the objects of the files by their paths in the directory. `origin` names it in errors.
///
/// # Errors
/// [`Error::Malformed`], also for paths that leave the directory, and for a file that is a folder of another one.
pub fn parse(json: &[u8], hash: HashName, origin: &str) -> Result<BTreeMap<String, ObjectId>> {
    let malformed = |reason: String| Error::Malformed { origin: origin.to_owned(), reason };
    let entries: Vec<RawEntry> = serde_json::from_slice(json)
        .map_err(|error| malformed(format!("it is no list of the files of a directory: {error}")))?;
    let mut files = BTreeMap::new();
    for RawEntry { relpath, md5 } in entries {
        let object = ObjectId::parse(&md5, hash).filter(|object| !object.is_directory);
        let object = object.ok_or_else(|| malformed(format!("'{relpath}' has the invalid md5 '{md5}'")))?;
        insert(&mut files, relpath, object).map_err(malformed)?;
    }
    check_folders(&files).map_err(malformed)?;
    Ok(files)
}

/// Adds a file of a directory, whose path must not leave it, nor be there already.
pub(crate) fn insert<T>(files: &mut BTreeMap<String, T>, path: String, file: T) -> Result<(), String> {
    if let Some(reason) = fault_in_directory(&path) {
        return Err(format!("the path '{path}' of a file is invalid: {reason}"));
    }
    match files.entry(path) {
        Entry::Vacant(place) => {
            place.insert(file);
            Ok(())
        }
        Entry::Occupied(place) => Err(format!("it has the file '{}' twice", place.key())),
    }
}

/// Checks that no file is a folder of another one.
pub(crate) fn check_folders<T>(files: &BTreeMap<String, T>) -> Result<(), String> {
    for path in files.keys() {
        let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some(folder) = folders.find(|folder| files.contains_key(*folder)) {
            return Err(format!("'{folder}' is both a file and the folder of '{path}'"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "60b725f10c9c85c70d97880dfe8191b3";

    fn refusal(json: &str) -> String {
        parse(json.as_bytes(), HashName::Md5, "x.dir").unwrap_err().to_string()
    }

    #[test]
    fn files_have_the_hash_of_their_directory() {
        let json = format!(r#"[{{"md5": "{MD5}", "relpath": "sub/b.txt", "size": 3}}]"#);
        let files = parse(json.as_bytes(), HashName::Md5Dos2Unix, "x.dir").unwrap();
        assert_eq!(files["sub/b.txt"].key(), "60/b725f10c9c85c70d97880dfe8191b3");
    }

    #[test]
    fn unsafe_and_ambiguous_paths_are_errors() {
        for path in ["", "../a", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\u0000"] {
            let reason = refusal(&format!(r#"[{{"md5": "{MD5}", "relpath": "{path}"}}]"#));
            assert!(reason.starts_with("x.dir: the path") && reason.contains("invalid"), "{reason}");
        }
        let two = |a: &str, b: &str| {
            refusal(&format!(
                r#"[{{"md5": "{MD5}", "relpath": "{a}"}}, {{"md5": "{MD5}", "relpath": "{b}"}}]"#
            ))
        };
        assert!(two("a", "a").contains("twice"));
        assert!(two("a/b/c", "a").contains("'a' is both a file and the folder of 'a/b/c'"));
        assert!(refusal("{}").contains("no list"));
        assert!(refusal(r#"[{"md5": "../../x", "relpath": "a"}]"#).contains("invalid md5"));
        assert!(refusal(&format!(r#"[{{"md5": "{MD5}.dir", "relpath": "a"}}]"#)).contains("invalid md5"));
    }
}
