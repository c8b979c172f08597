use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{UNFINISHED, generation};
use crate::store::{Entry, Page};

/// Returns the keys in a folder that start with `prefix`, in ascending order.
pub(super) fn keys(root: &Path, prefix: &str) -> io::Result<Vec<String>> {
    // Only the folder of the prefix is walked, not the whole bucket.
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut keys = Vec::new();
    walk(root, &root.join(folder), &mut keys)?;
    keys.retain(|key| key.starts_with(prefix));
    keys.sort_unstable();
    Ok(keys)
}

/// Returns a page of the same. The token is the last key of the page before.
pub(super) fn page(root: &Path, prefix: &str, token: Option<&str>, limit: usize) -> io::Result<Page> {
    let keys = keys(root, prefix)?;
    let start = token.map_or(0, |token| keys.partition_point(|key| key.as_str() <= token));
    let end = keys.len().min(start + limit.max(1));
    let mut page = Page { next: (end < keys.len()).then(|| keys[end - 1].clone()), ..Page::default() };
    for key in &keys[start..end] {
        match fs::metadata(root.join(key)) {
            Ok(file) => {
                let generation = generation::of(&file);
                page.entries.push(Entry { key: key.clone(), size: file.len(), generation });
            }
            // Deleted meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

fn walk(root: &Path, folder: &Path, keys: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        // Without another call for each file, but for links.
        if kind.is_dir() || kind.is_symlink() && path.is_dir() {
            if path.file_name().is_some_and(|name| name != UNFINISHED) {
                walk(root, &path, keys)?;
            }
        } else if let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            keys.push(key.to_owned());
        }
    }
    Ok(())
}
