//! PyTorch's own format: a zip archive with a pickle and one record per storage, as `torch.save` writes it.
//!
//! A pickle is a program that can call any function. This reader knows only what a state dictionary consists of; see
//! [`globals`]. Every tensor is checked against its storage before it is made.

mod dtype;
mod globals;
mod machine;
mod state_dict;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use tch::Tensor;

pub(super) use globals::Dialect;
pub(super) use machine::Pickle;
pub(super) use state_dict::to_tensors;
pub(super) use value::Value;

use super::archive::Archive;
use crate::error::Error;

/// Returns the tensors of the state dictionary in an archive of `file_size` bytes.
///
/// # Errors
/// [`Error::Weights`]; [`Error::Torch`].
pub(super) fn tensors(archive: &Archive<'_>, file_size: usize) -> Result<BTreeMap<String, Tensor>, Error> {
    let program = check_records(archive).map_err(Error::Weights)?;
    let pickle = Pickle::read(program, archive, "data", Dialect::StateDict).map_err(Error::Weights)?;
    state_dict::tensors(&pickle, file_size)
}

/// Checks the records that describe the archive, and returns the pickle.
fn check_records<'a>(archive: &'a Archive<'_>) -> Result<&'a [u8], String> {
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
