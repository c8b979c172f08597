//! TFRecord files: records framed by length and checksums.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use fs_err as fs;

/// Constant that TFRecord adds to masked checksums.
const MASK_DELTA: u32 = 0xa282_ead8;

/// Writes records.
#[derive(Debug)]
pub(super) struct Writer {
    file: BufWriter<fs::File>,
}

impl Writer {
    /// Creates a file; it must not exist.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(fs::File::create_new(path)?) })
    }

    /// Writes a record: its length (8 bytes) with checksum, its bytes with checksum, all in little-endian order.
    pub(super) fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let length = (record.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked_crc(&length).to_le_bytes())?;
        self.file.write_all(record)?;
        self.file.write_all(&masked_crc(record).to_le_bytes())
    }

    /// Passes buffered records on to the operating system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// CRC-32C, rotated and shifted, as checksums of data that contains checksums are weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK_DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut writer = Writer::create(&path).unwrap();
        writer.write(b"abc").unwrap();
        writer.flush().unwrap();
        // tensorboard.summary.writer.record_writer.RecordWriter(file).write(b"abc")
        let expected = "0300000000000000b099490e6162636e57f121";
        let found: String = std::fs::read(&path).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected);
        assert!(Writer::create(&path).is_err(), "an event file is overwritten");
    }
}
