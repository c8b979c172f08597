use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use super::generation;
use crate::store::Object;

/// Reads a file and its generation. A file that is replaced meanwhile is read as it was.
pub(super) fn whole(path: &Path) -> io::Result<Object> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let generation = generation::of(&metadata);
    // One byte more, so that the end is found without growing.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default().saturating_add(1));
    file.read_to_end(&mut bytes)?;
    Ok(Object { bytes: bytes.into(), generation })
}

/// Reads the bytes of a file in a range, without those past its end.
pub(super) fn range(path: &Path, range: &Range<u64>) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(range.start))?;
    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
