use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bcs_contracts::PackageMetadata;
use bcs_contracts::class::{duplicate_code, unnamed_classes};
use bcs_contracts::keys::METADATA_FILE;
use bcs_contracts::package::READABLE;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::write::is_file_name;

/// Reads the description and all files of a package folder, and verifies their checksums.
///
/// # Errors
/// [`Error::File`] for a file that is missing, unreadable or does not match its checksum.
pub fn read_files(folder: &Path) -> Result<(PackageMetadata, BTreeMap<String, Vec<u8>>), Error> {
    let metadata = read_metadata(&folder.join(METADATA_FILE))?;
    let files = read_verified(folder, &metadata)?;
    Ok((metadata, files))
}

/// Returns the SHA-256 of `bytes` in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives the classes of a network with this number of output channels names where the description has none.
///
/// # Errors
/// [`Error::File`] for another number of classes, and for two with the same code.
pub fn name_classes(metadata: &mut PackageMetadata, outputs: usize) -> Result<(), Error> {
    let error = |reason: String| Error::File { path: METADATA_FILE.to_owned(), reason };
    if metadata.classes.is_empty() {
        metadata.classes = unnamed_classes(outputs);
    }
    let classes = metadata.classes.len();
    if classes != outputs {
        return Err(error(format!(
            "it names {classes} classes, but the network has {outputs} output channels"
        )));
    }
    match duplicate_code(&metadata.classes) {
        Some(code) => Err(error(format!("two classes have the code {code}; give each class its own"))),
        None => Ok(()),
    }
}

/// Reads a description.
///
/// # Errors
/// [`Error::File`] for a file that is missing or unreadable, and for a format that this version does not know.
pub fn read_metadata(path: &Path) -> Result<PackageMetadata, Error> {
    let metadata: PackageMetadata = parse_json(&read_file(path)?, path)?;
    if !READABLE.contains(&metadata.format_version) {
        let reason = format!(
            "the package has format version {}; this program reads versions {} to {}",
            metadata.format_version,
            READABLE.start(),
            READABLE.end()
        );
        return Err(unreadable(path, &reason));
    }
    Ok(metadata)
}

fn read_verified(folder: &Path, metadata: &PackageMetadata) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let read = |name: &String| {
        let bytes = read_listed(folder, metadata, name)?;
        Ok(bytes.map(|bytes| (name.clone(), bytes)))
    };
    metadata.files.keys().filter_map(|name| read(name).transpose()).collect()
}

/// Reads a file of a package folder, and verifies its checksum; `None` if the description does not list it.
///
/// # Errors
/// [`Error::File`] for a file that is missing, unreadable or does not match its checksum.
pub fn read_listed(folder: &Path, metadata: &PackageMetadata, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(expected) = metadata.files.get(name) else { return Ok(None) };
    if !is_file_name(name) {
        let reason = format!("'{name}' in 'files' is not a plain file name");
        return Err(unreadable(&folder.join(METADATA_FILE), &reason));
    }
    let path = folder.join(name);
    let bytes = read_file(&path)?;
    verify(&path, &bytes, expected)?;
    Ok(Some(bytes))
}

/// Compares the SHA-256 of a file's contents with the expected one.
///
/// # Errors
/// [`Error::File`] if they differ.
pub fn verify(path: &Path, bytes: &[u8], expected: &str) -> Result<(), Error> {
    let found = sha256(bytes);
    if found == expected {
        return Ok(());
    }
    let reason = format!(
        "its SHA-256 is {found}, but {METADATA_FILE} says {expected}: it was changed or damaged; copy the package again"
    );
    Err(unreadable(path, &reason))
}

/// Reads a file.
///
/// # Errors
/// [`Error::File`].
pub fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Parses the contents of a JSON file.
///
/// # Errors
/// [`Error::File`].
pub fn parse_json<T: serde::de::DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, reason: &impl ToString) -> Error {
    Error::File { path: path.display().to_string(), reason: reason.to_string() }
}
