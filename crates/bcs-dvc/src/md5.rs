//! MD5 as DVC computes it: of the content, or, as DVC 2 did, of text with the line ends of Unix.

use std::io::Read;
use std::path::Path;

use fs_err::File;
use md5::{Digest, Md5};

use crate::object::HashName;

/// Size in bytes of the chunks that DVC reads. Each is examined for itself, so the size is part of the legacy hash.
const CHUNK: usize = 1 << 20;

/// Number of bytes at the beginning of a chunk by which text is told from binary data.
const EXAMINED: usize = 512;

/// Computes the hash of a content that arrives in pieces.
pub struct Hasher {
    name: HashName,
    md5: Md5,
    /// Beginning of an incomplete chunk, for the legacy hash only.
    chunk: Vec<u8>,
}

impl Hasher {
    /// Starts with no content.
    pub fn new(name: HashName) -> Self {
        Self { name, md5: Md5::new(), chunk: Vec::new() }
    }

    /// Adds content.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if self.name == HashName::Md5 {
            return self.md5.update(bytes);
        }
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(head);
            bytes = tail;
            if self.chunk.len() == CHUNK {
                self.flush();
            }
        }
    }

    /// Returns the hash in lower-case hex.
    pub fn finish(mut self) -> String {
        self.flush();
        self.md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn flush(&mut self) {
        if is_text(&self.chunk[..self.chunk.len().min(EXAMINED)]) {
            let mut rest = &self.chunk[..];
            while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
                self.md5.update(&rest[..end]);
                rest = &rest[end + 1..];
            }
            self.md5.update(rest);
        } else {
            self.md5.update(&self.chunk);
        }
        self.chunk.clear();
    }
}

/// Hashes a file.
///
/// # Errors
/// The file cannot be read.
pub fn of_file(path: &Path, name: HashName) -> std::io::Result<String> {
    let mut hasher = Hasher::new(name);
    add_file(&mut hasher, &mut File::open(path)?)?;
    Ok(hasher.finish())
}

/// Adds the rest of a file, and returns its length.
pub(crate) fn add_file(hasher: &mut Hasher, file: &mut File) -> std::io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(length);
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
}

/// Whether DVC takes bytes for text: at most 30 % of them are control characters or above ASCII, and none is null.
fn is_text(bytes: &[u8]) -> bool {
    let is_text_byte = |byte: &u8| matches!(byte, 32..127 | b'\n' | b'\r' | b'\t' | 0x0c | 0x08);
    let other = bytes.iter().filter(|byte| !is_text_byte(byte)).count();
    !bytes.contains(&0) && other * 10 <= bytes.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: HashName, pieces: &[&[u8]]) -> String {
        let mut hasher = Hasher::new(name);
        pieces.iter().for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    #[test]
    fn the_legacy_hash_ignores_the_line_ends_of_text() {
        let (dos, unix): (&[u8], &[u8]) = (b"a\r\nb\r\n\r", b"a\nb\n\r");
        assert_eq!(of(HashName::Md5Dos2Unix, &[dos]), of(HashName::Md5, &[unix]));
        assert_ne!(of(HashName::Md5, &[dos]), of(HashName::Md5, &[unix]));
        let binary: &[u8] = b"\x00a\r\nb";
        assert_eq!(of(HashName::Md5Dos2Unix, &[binary]), of(HashName::Md5, &[binary]));
        assert_eq!(of(HashName::Md5Dos2Unix, &[]), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn the_size_of_pieces_does_not_matter() {
        let mut text = vec![b'x'; CHUNK - 1];
        // The pair across two chunks stays.
        text.extend_from_slice(b"\r\ny\r\nz");
        let whole = of(HashName::Md5Dos2Unix, &[&text]);
        let pieces: Vec<&[u8]> = text.chunks(1000).collect();
        assert_eq!(of(HashName::Md5Dos2Unix, &pieces), whole);
        let mut expected = vec![b'x'; CHUNK - 1];
        expected.extend_from_slice(b"\r\ny\nz");
        assert_eq!(of(HashName::Md5, &[&expected]), whole);
    }

    #[test]
    fn up_to_30_percent_of_other_bytes_are_text() {
        assert!(is_text(b"") && is_text(b"abcdefg\x80\x80\x80"));
        assert!(!is_text(b"abcdef\x80\x80\x80\x80") && !is_text(b"abc\0"));
    }
}
