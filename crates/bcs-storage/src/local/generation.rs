use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;

use crate::store::Generation;

/// Returns the generation of a file by its identity, time of modification and size: a write makes a new file.
pub(super) fn of(file: &Metadata) -> Generation {
    let mut hasher = DefaultHasher::new();
    (file.dev(), file.ino(), file.mtime(), file.mtime_nsec(), file.len()).hash(&mut hasher);
    // Positive, because 0 stands for no object in Google Cloud Storage.
    Generation(i64::try_from(hasher.finish() >> 1).unwrap_or(i64::MAX).max(1))
}
