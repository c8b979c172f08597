//! PyTorch's own format: a zip archive with a pickle and one record per storage, as `torch.save` writes it.
//!
//! A pickle is a program that can call any function. This reader knows only what a state dictionary consists of; see
//! [`globals`]. Every tensor is checked against its storage before it is made.

mod dtype;
mod globals;
mod machine;
mod state_dict;
mod tensor;
mod value;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tch::Tensor;

pub(super) use globals::Dialect;
pub(super) use machine::Pickle;

use super::archive::Archive;
use crate::error::Error;

/// Reads the tensors of a state dictionary, as written by `torch.save(net.state_dict(), path)`.
///
/// The state dictionary may be a plain dictionary or an `OrderedDict`, and may be the entry `state_dict` or
/// `model_state_dict` of a checkpoint. Tensors are contiguous and on the CPU.
///
/// # Errors
/// [`Error::File`] for a file that is missing, damaged or holds anything but tensors and plain containers, and for
/// other formats, with what to do.
pub fn read_pickle(path: &Path) -> Result<BTreeMap<String, Tensor>, Error> {
    let unreadable = |reason: String| Error::File { path: path.display().to_string(), reason };
    if path.is_dir() {
        return Err(unreadable("it is a folder; give a file written by torch.save".to_owned()));
    }
    let file = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    tensors(&file).map_err(|error| match error {
        Error::Weights(reason) => unreadable(reason),
        other => other,
    })
}

fn tensors(file: &[u8]) -> Result<BTreeMap<String, Tensor>, Error> {
    if !Archive::looks_like(file) {
        return Err(Error::Weights(format_of(file).to_owned()));
    }
    let archive = Archive::read(file).map_err(Error::Weights)?;
    let program = check_records(&archive).map_err(Error::Weights)?;
    let pickle = Pickle::read(program, &archive, "data", Dialect::StateDict).map_err(Error::Weights)?;
    state_dict::tensors(&pickle, file.len())
}

/// Says which format a file has that is not a zip archive.
fn format_of(file: &[u8]) -> &'static str {
    let header_length = file.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    match file {
        [] => "the file is empty",
        _ if header_length.is_some_and(|length| length < file.len() as u64) && file[8] == b'{' => {
            "it is a safetensors file; rename it to .safetensors"
        }
        [0x80, 1..=5, ..] | [b'(', ..] => LEGACY,
        _ if file.get(257..262) == Some(b"ustar") => LEGACY,
        _ => "it is not a file written by torch.save: the header of the zip archive is missing",
    }
}

const LEGACY: &str = "it has the format that PyTorch wrote before version 1.6; load and save it again: \
                      torch.save(torch.load(path, weights_only=True), path)";

/// Checks the records that describe the archive, and returns the pickle.
fn check_records<'a>(archive: &'a Archive<'_>) -> Result<&'a [u8], String> {
    if archive.get("constants.pkl").is_some() {
        return Err(
            "it is a TorchScript archive; give it to the predictor as it is, or save the parameters alone: \
                    torch.save(net.state_dict(), path)"
                .to_owned(),
        );
    }
    check_version(archive)?;
    // torch.load reads these two, and fails where it can't.
    let alignment = archive.get(".storage_alignment");
    let id = archive.get(".data/serialization_id");
    if alignment.is_some_and(|text| !is_number(text))
        || id.is_some_and(|text| std::str::from_utf8(text).is_err())
    {
        return Err("the record '.storage_alignment' or '.data/serialization_id' is damaged".to_owned());
    }
    archive
        .get("data.pkl")
        .ok_or_else(|| "the record 'data.pkl' is missing; it is not written by torch.save".to_owned())
}

/// Checks the records `version` and `byteorder`, which state dictionaries and TorchScript have in common.
pub(super) fn check_version(archive: &Archive<'_>) -> Result<(), String> {
    /// Versions of the archive that PyTorch 2.11 reads (`kMinSupportedFileFormatVersion` to `kMax…`).
    const VERSIONS: std::ops::RangeInclusive<u64> = 1..=10;
    let version = archive.get("version").or_else(|| archive.get(".data/version"));
    let version = version.ok_or("the record 'version' is missing")?;
    let version = std::str::from_utf8(version).ok().and_then(|text| text.trim_end().parse().ok());
    if !version.is_some_and(|version| VERSIONS.contains(&version)) {
        let (first, last) = (VERSIONS.start(), VERSIONS.end());
        return Err(format!("the version of the archive is unknown; versions {first} to {last} are read"));
    }
    match archive.get("byteorder") {
        None | Some(b"little") => Ok(()),
        Some(b"big") => Err("it was saved on a big-endian machine; load and save it on another".to_owned()),
        Some(_) => Err("the record 'byteorder' is damaged".to_owned()),
    }
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}
