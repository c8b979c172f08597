//! Zip archives as `torch.save` and `torch.jit.save` write them.
//!
//! The reader is stricter than a general one, because other readers (PyTorch's among them) must see the same records in
//! the same file: one archive that fills the whole file, no overlapping records, no names that differ only in case
//! (PyTorch's lookup ignores it), every checksum correct, and all records in one folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::bytes::Bytes;

/// Maximum number of records; a network has a few hundred.
const MAX_RECORDS: u64 = 100_000;

/// Maximum size in bytes of all compressed records together, after decompression. PyTorch compresses code only.
const MAX_INFLATED: usize = 256 << 20;

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
const END_LENGTH: usize = 22;
const END64_LENGTH: usize = 56;
const END64_LOCATOR_LENGTH: usize = 20;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The records of an archive by their names within its one folder.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    records: BTreeMap<&'a str, Cow<'a, [u8]>>,
}

impl<'a> Archive<'a> {
    /// Whether a file begins as a zip archive does.
    pub(crate) fn looks_like(file: &[u8]) -> bool {
        file.starts_with(LOCAL_HEADER)
    }

    /// Reads and checks all records.
    ///
    /// # Errors
    /// What is wrong with the archive.
    pub(crate) fn read(file: &'a [u8]) -> Result<Self, String> {
        let entries = entries(file)?;
        check_overlap(&entries)?;
        let mut records = BTreeMap::new();
        let mut inflated = 0;
        let folder = entries.first().map_or("", |entry| folder_of(entry.name));
        let mut names = HashSet::new();
        for entry in &entries {
            let within = entry.name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
            let Some(name) = within.filter(|_| !folder.is_empty()) else {
                return Err(format!("the record '{}' is not in the folder of the others", entry.name));
            };
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(format!("two records are named '{name}' (case is ignored)"));
            }
            if (name.is_empty() || name.ends_with('/')) && entry.size == 0 {
                continue;
            }
            let contents = entry.contents(file, MAX_INFLATED - inflated)?;
            if let Cow::Owned(contents) = &contents {
                inflated += contents.len();
            }
            records.insert(name, contents);
        }
        Ok(Self { records })
    }

    /// Returns the contents of a record.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.records.get(name).map(AsRef::as_ref)
    }

    /// Returns the names and contents of all records in the order of the names.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&'a str, &[u8])> {
        self.records.iter().map(|(name, contents)| (*name, contents.as_ref()))
    }
}

fn folder_of(name: &str) -> &str {
    name.split_once('/').map_or("", |(folder, _)| folder)
}

/// A record in the central directory.
#[derive(Debug)]
struct Entry<'a> {
    name: &'a str,
    method: u16,
    crc: u32,
    /// Size in bytes after decompression.
    size: usize,
    /// Range of the local header and the data in the file.
    start: usize,
    data: usize,
    end: usize,
}

impl Entry<'_> {
    fn contents<'a>(&self, file: &'a [u8], max_inflated: usize) -> Result<Cow<'a, [u8]>, String> {
        let data = &file[self.data..self.end];
        let contents = match self.method {
            STORED if data.len() == self.size => Cow::Borrowed(data),
            STORED => return Err(format!("the record '{}' states two different sizes", self.name)),
            DEFLATED if self.size > max_inflated => {
                return Err(format!(
                    "its compressed records hold more than {} MiB; store them uncompressed, as torch.save does",
                    MAX_INFLATED >> 20
                ));
            }
            DEFLATED => {
                let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(data, self.size)
                    .map_err(|_| format!("the compressed record '{}' is damaged", self.name))?;
                if inflated.len() != self.size {
                    return Err(format!(
                        "the compressed record '{}' has another size than stated",
                        self.name
                    ));
                }
                Cow::Owned(inflated)
            }
            method => {
                return Err(format!("the record '{}' is compressed by method {method}", self.name));
            }
        };
        if crc32fast::hash(&contents) != self.crc {
            return Err(format!("the record '{}' is damaged: its checksum is wrong", self.name));
        }
        Ok(contents)
    }
}

/// Reads the central directory.
fn entries(file: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let directory = Directory::find(file)?;
    let mut bytes = Bytes::new(&file[directory.start..directory.end]);
    let mut entries = Vec::new();
    for _ in 0..directory.records {
        entries.push(entry(file, &mut bytes, directory.start)?);
    }
    if !bytes.is_empty() {
        return Err("its directory is longer than its number of records".to_owned());
    }
    Ok(entries)
}

/// Where the central directory is.
struct Directory {
    start: usize,
    end: usize,
    records: u64,
}

impl Directory {
    /// Finds the directory by the end record, which must be the last 22 bytes of the file.
    fn find(file: &[u8]) -> Result<Self, String> {
        let cut = || "the end of the archive is missing: the file was cut short or extended".to_owned();
        let end_at = file.len().checked_sub(END_LENGTH).ok_or_else(cut)?;
        let mut end = Bytes::new(&file[end_at..]);
        if end.take(4)? != END {
            return Err(cut());
        }
        let (disk, directory_disk) = (end.u16()?, end.u16()?);
        let (on_disk, records) = (end.u16()?, end.u16()?);
        let (size, start, comment) = (end.u32()?, end.u32()?, end.u16()?);
        if disk != 0 || directory_disk != 0 || on_disk != records || comment != 0 {
            return Err("its end record is damaged".to_owned());
        }
        let narrow = [u64::from(records), u64::from(size), u64::from(start)];
        let (wide, end_at) = match Self::find64(file, end_at)? {
            Some((wide, at)) => (wide, at),
            None => (narrow, end_at),
        };
        let limits = [u64::from(u16::MAX), u64::from(u32::MAX), u64::from(u32::MAX)];
        let agree = |index: usize| narrow[index] == wide[index] || narrow[index] == limits[index];
        if !(0..3).all(agree) {
            return Err("its two end records disagree".to_owned());
        }
        let [records, size, start] = wide;
        if records > MAX_RECORDS {
            return Err(format!("it states {records} records; at most {MAX_RECORDS} are read"));
        }
        let (start, size) = (usize_of(start)?, usize_of(size)?);
        if start.checked_add(size) != Some(end_at) {
            return Err("its directory does not end where the end record begins".to_owned());
        }
        Ok(Self { start, end: end_at, records })
    }

    /// Reads the 64-bit end record before the end record, where there is one: its values and position.
    fn find64(file: &[u8], end_at: usize) -> Result<Option<([u64; 3], usize)>, String> {
        let Some(locator_at) = end_at.checked_sub(END64_LOCATOR_LENGTH) else { return Ok(None) };
        let mut locator = Bytes::new(&file[locator_at..end_at]);
        if locator.take(4)? != END64_LOCATOR {
            return Ok(None);
        }
        let damaged = || "its 64-bit end record is damaged".to_owned();
        let at = locator_at.checked_sub(END64_LENGTH).ok_or_else(damaged)?;
        let (disk, stated, disks) = (locator.u32()?, locator.u64()?, locator.u32()?);
        if disk != 0 || stated != at as u64 || disks != 1 {
            return Err(damaged());
        }
        let mut end = Bytes::new(&file[at..locator_at]);
        if end.take(4)? != END64 || end.u64()? != END64_LENGTH as u64 - 12 {
            return Err(damaged());
        }
        let (_versions, disk, directory_disk) = (end.u32()?, end.u32()?, end.u32()?);
        let (on_disk, records) = (end.u64()?, end.u64()?);
        let (size, start) = (end.u64()?, end.u64()?);
        if disk != 0 || directory_disk != 0 || on_disk != records {
            return Err(damaged());
        }
        Ok(Some(([records, size, start], at)))
    }
}

/// Reads one central header, and the local header that it points to. `limit` is where the records' data must end.
fn entry<'a>(file: &'a [u8], bytes: &mut Bytes<'a>, limit: usize) -> Result<Entry<'a>, String> {
    if bytes.take(4)? != CENTRAL_HEADER {
        return Err("its directory is damaged".to_owned());
    }
    bytes.take(4)?; // versions
    let (flags, method) = (bytes.u16()?, bytes.u16()?);
    bytes.take(4)?; // time and date
    let crc = bytes.u32()?;
    let (compressed, size) = (bytes.u32()?, bytes.u32()?);
    let (name_length, extra_length, comment_length) = (bytes.u16()?, bytes.u16()?, bytes.u16()?);
    let (disk, _internal, attributes) = (bytes.u16()?, bytes.u16()?, bytes.u32()?);
    let start = bytes.u32()?;
    let name = bytes.take(usize::from(name_length))?;
    let extra = bytes.take(usize::from(extra_length))?;
    bytes.take(usize::from(comment_length))?;
    let name = std::str::from_utf8(name).map_err(|_| "the name of a record is not UTF-8".to_owned())?;
    if name.contains('\0') {
        return Err("the name of a record contains NUL".to_owned());
    }
    if flags & ENCRYPTED != 0 {
        return Err(format!("the record '{name}' is encrypted"));
    }
    if disk != 0 || (attributes & FOLDER != 0 && !name.ends_with('/')) {
        return Err(format!("the record '{name}' is marked as a folder or as part of another archive"));
    }
    let [size, compressed, start] = widen([size, compressed, start], extra)?;
    let outside = || format!("the record '{name}' lies outside the file");
    let data = local_data(file, start, name, method)?;
    let end = usize_of(compressed)?.checked_add(data).filter(|end| *end <= limit).ok_or_else(outside)?;
    Ok(Entry { name, method, crc, size: usize_of(size)?, start: usize_of(start)?, data, end })
}

/// Flag bits of encryption.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// Attribute of a folder. PyTorch reads no data of a record that has it.
const FOLDER: u32 = 1 << 4;

/// Replaces values that do not fit 32 bits by those of the zip64 extra field.
fn widen(narrow: [u32; 3], extra: &[u8]) -> Result<[u64; 3], String> {
    let mut wide = narrow.map(u64::from);
    if !narrow.contains(&u32::MAX) {
        return Ok(wide);
    }
    let mut extra = Bytes::new(extra);
    while !extra.is_empty() {
        let (id, length) = (extra.u16()?, extra.u16()?);
        let mut field = Bytes::new(extra.take(usize::from(length))?);
        if id == 1 {
            for value in wide.iter_mut().filter(|value| **value == u64::from(u32::MAX)) {
                *value = field.u64()?;
            }
            return Ok(wide);
        }
    }
    Ok(wide)
}

/// Checks the local header of a record and returns where its data begins.
fn local_data(file: &[u8], start: u64, name: &str, method: u16) -> Result<usize, String> {
    let damaged = || format!("the header of the record '{name}' is damaged");
    let start = usize_of(start)?;
    let mut header = Bytes::new(file.get(start..).ok_or_else(damaged)?);
    if header.take(4)? != LOCAL_HEADER {
        return Err(damaged());
    }
    header.take(4)?; // version, flags
    let local_method = header.u16()?;
    header.take(16)?; // time, date, checksum and sizes, which the directory states too
    let (name_length, extra_length) = (header.u16()?, header.u16()?);
    if header.take(usize::from(name_length))? != name.as_bytes() || local_method != method {
        return Err(damaged());
    }
    header.take(usize::from(extra_length))?;
    Ok(file.len() - header.len())
}

/// Refuses records that share bytes, by which a small file could pretend to be huge.
fn check_overlap(entries: &[Entry<'_>]) -> Result<(), String> {
    let mut ranges: Vec<(usize, usize)> = entries.iter().map(|entry| (entry.start, entry.end)).collect();
    ranges.sort_unstable();
    match ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        true => Err("its records overlap".to_owned()),
        false => Ok(()),
    }
}

fn usize_of(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| "it states a size beyond memory".to_owned())
}

/// Writes an archive of uncompressed records.
///
/// # Errors
/// For archives that 32 bits can't describe (4 GiB, 65 535 records).
pub(crate) fn write<'a>(records: impl Iterator<Item = (String, &'a [u8])>) -> Result<Vec<u8>, String> {
    let too_large = |_| "it is too large: at most 4 GiB and 65 535 records are read".to_owned();
    let (mut file, mut directory, mut count) = (Vec::new(), Vec::new(), 0_usize);
    for (name, contents) in records {
        let name_length = u16::try_from(name.len()).map_err(too_large)?;
        let start = u32::try_from(file.len()).map_err(too_large)?;
        let size = u32::try_from(contents.len()).map_err(too_large)?;
        let mut common = Vec::with_capacity(26);
        common.extend([20, 0, 0, 8, 0, 0, 0, 0, 0, 0]); // version 2.0, UTF-8 names, stored, no time
        common.extend(crc32fast::hash(contents).to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(name_length.to_le_bytes());
        common.extend([0, 0]); // no extra field
        file.extend(LOCAL_HEADER);
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(contents);
        directory.extend(CENTRAL_HEADER);
        directory.extend([20, 0]);
        directory.extend(&common);
        directory.extend([0; 10]); // no comment, disk 0, no attributes
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
        count += 1;
    }
    let count = u16::try_from(count).map_err(too_large)?;
    let start = u32::try_from(file.len()).map_err(too_large)?;
    let size = u32::try_from(directory.len()).map_err(too_large)?;
    file.extend(directory);
    file.extend(END);
    file.extend([0; 4]);
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
        write(records.iter().map(|(name, contents)| (format!("archive/{name}"), *contents))).unwrap()
    }

    fn error(file: &[u8]) -> String {
        Archive::read(file).unwrap_err()
    }

    #[test]
    fn records_read_back_as_written() {
        let file = archive(&[("data.pkl", b"abc"), ("data/0", b""), ("data/1", &[7; 1000])]);
        let read = Archive::read(&file).unwrap();
        assert_eq!(read.get("data/1"), Some(&[7; 1000][..]));
        assert_eq!(read.records().count(), 3);
        assert_eq!(read.get("archive/data/1"), None);
    }

    #[test]
    fn every_cut_and_every_extension_is_an_error() {
        let file = archive(&[("data.pkl", b"abc"), ("data/0", b"0123")]);
        for length in 0..file.len() {
            assert!(Archive::read(&file[..length]).is_err(), "cut to {length}");
        }
        assert!(error(&[file.as_slice(), b"more"].concat()).contains("cut short or extended"));
    }

    #[test]
    fn damage_duplicates_and_stray_records_are_named() {
        let mut file = archive(&[("data.pkl", b"abc"), ("data/0", b"0123")]);
        let at = file.windows(4).position(|bytes| bytes == b"0123").unwrap();
        file[at] ^= 1;
        assert!(error(&file).contains("'archive/data/0' is damaged"));
        assert!(error(&archive(&[("data/A", b"1"), ("data/a", b"2")])).contains("two records"));
        let stray = [("archive/data.pkl".to_owned(), &b"1"[..]), ("other/data/0".to_owned(), b"2")];
        assert!(error(&write(stray.into_iter()).unwrap()).contains("'other/data/0' is not in the folder"));
        let bare = [("data.pkl".to_owned(), &b"1"[..])];
        assert!(error(&write(bare.into_iter()).unwrap()).contains("not in the folder"));
    }

    #[test]
    fn records_that_share_bytes_are_an_error() {
        let mut file = archive(&[("a", b"0123"), ("b", b"0123")]);
        // Makes the second entry of the directory a copy of the first: name and offset, which is before the name.
        let name = file.windows(9).rposition(|bytes| bytes == b"archive/b").unwrap();
        file[name + 8] = b'a';
        file[name - 4..name].copy_from_slice(&[0; 4]);
        assert!(error(&file).contains("overlap"), "{}", error(&file));
    }

    #[test]
    fn a_compressed_record_is_inflated_only_to_its_stated_size() {
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; 1 << 20], 9);
        for (stated, fine) in [(1u32 << 20, true), (1000, false), (u32::MAX - 1, false)] {
            let mut file = archive(&[("code", &bomb)]);
            let crc = crc32fast::hash(&vec![0; 1 << 20]).to_le_bytes();
            let directory = file.windows(4).position(|bytes| bytes == CENTRAL_HEADER).unwrap();
            file[8] = 8;
            file[directory + 10] = 8;
            file[directory + 16..directory + 20].copy_from_slice(&crc);
            file[directory + 24..directory + 28].copy_from_slice(&stated.to_le_bytes());
            assert_eq!(Archive::read(&file).is_ok(), fine, "{stated}");
        }
    }

    proptest! {
        #[test]
        fn damaged_archives_never_panic(position in 0usize..1000, value: u8, length in 0usize..1000) {
            let mut file = archive(&[("data.pkl", b"abc"), ("data/0", b"0123"), ("version", b"3\n")]);
            let position = position % file.len();
            file[position] = value;
            file.truncate(length.max(position));
            let _ = Archive::read(&file);
        }
    }
}
