//! The log of records: LevelDB's log format with a header of its own. A record is split into chunks that do not cross
//! blocks; a chunk has a checksum, its length and whether it is the whole, the first, a middle or the last part.

use std::io::{BufWriter, Write};
use std::path::Path;

use fs_err as fs;
use prost::Message;

use super::messages::{Kind, Record, RecordInfo};
use crate::error::Result;

/// Length of a block in bytes.
pub(super) const BLOCK: usize = 32 * 1024;

/// Length of the header of a chunk in bytes: checksum, length, type.
pub(super) const CHUNK_HEADER: usize = 7;

/// First bytes of the file: identifier, magic number, version.
pub(super) const FILE_HEADER: [u8; 7] = [b':', b'W', b'&', b'B', 0xe1, 0xbe, 0];

/// Type of a chunk that is a whole record.
pub(super) const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;

/// Type of the last chunk of a record.
pub(super) const LAST: u8 = 4;

/// Writes records.
#[derive(Debug)]
pub(super) struct Datastore {
    file: BufWriter<fs::File>,
    position: usize,
    count: i64,
    run: String,
}

impl Datastore {
    /// Creates the log of a run; the file must not exist.
    pub(super) fn create(path: &Path, run: &str) -> Result<Self> {
        let mut file = BufWriter::new(fs::File::create_new(path)?);
        file.write_all(&FILE_HEADER)?;
        Ok(Self { file, position: FILE_HEADER.len(), count: 0, run: run.to_owned() })
    }

    /// Writes a record.
    pub(super) fn write(&mut self, kind: Kind) -> Result<()> {
        self.count += 1;
        let info = RecordInfo { stream_id: self.run.clone() };
        self.append(&Record { num: self.count, kind: Some(kind), info: Some(info) }.encode_to_vec())
    }

    fn append(&mut self, record: &[u8]) -> Result<()> {
        let mut rest = record;
        let mut is_first = true;
        loop {
            let left = BLOCK - self.position % BLOCK;
            if left < CHUNK_HEADER {
                self.put(&[0; CHUNK_HEADER][..left])?;
                continue;
            }
            let (part, after) = rest.split_at(rest.len().min(left - CHUNK_HEADER));
            let kind = match (is_first, after.is_empty()) {
                (true, true) => FULL,
                (true, false) => FIRST,
                (false, false) => MIDDLE,
                (false, true) => LAST,
            };
            self.chunk(kind, part)?;
            if after.is_empty() {
                return Ok(());
            }
            (rest, is_first) = (after, false);
        }
    }

    fn chunk(&mut self, kind: u8, part: &[u8]) -> Result<()> {
        self.put(&checksum(kind, part).to_le_bytes())?;
        self.put(&(part.len() as u16).to_le_bytes())?;
        self.put(&[kind])?;
        self.put(part)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.position += bytes.len();
        Ok(self.file.write_all(bytes)?)
    }

    /// Passes buffered records on to the operating system.
    pub(super) fn flush(&mut self) -> Result<()> {
        Ok(self.file.flush()?)
    }
}

/// CRC-32 of the type and the content of a chunk; LevelDB has CRC-32C there.
pub(super) fn checksum(kind: u8, content: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&[kind]);
    checksum.update(content);
    checksum.finalize()
}
