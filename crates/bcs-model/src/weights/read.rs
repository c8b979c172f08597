//! Files of parameters in any known format.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tch::Tensor;

use super::archive::Archive;
use super::{pickle, read_safetensors, torchscript};
use crate::error::Error;

/// Reads the tensors of a file by their names. The contents tell the format, not the ending:
///
/// - safetensors;
/// - `torch.save` of a state dictionary, or of a checkpoint with the entry `state_dict` (Lightning's `.ckpt`) or
///   `model_state_dict`;
/// - `torch.jit.save` of a scripted or traced module: its parameters and buffers, by the names of its `state_dict`.
///
/// Tensors are contiguous, on the CPU and of the file's types. No code of the file is run.
///
/// # Errors
/// [`Error::File`] for a file that is missing, damaged or holds anything but tensors and plain containers, and for
/// other formats, with what to do.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, Error> {
    let unreadable = |reason: String| Error::File { path: path.display().to_string(), reason };
    if path.is_dir() {
        return Err(unreadable("it is a folder; give a file of parameters".to_owned()));
    }
    let file = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    if is_safetensors(&file) {
        return read_safetensors(&file, &path.display().to_string());
    }
    if !Archive::looks_like(&file) {
        return Err(unreadable(format_of(&file).to_owned()));
    }
    tensors(&file).map_err(|error| match error {
        Error::Weights(reason) => unreadable(reason),
        other => other,
    })
}

fn tensors(file: &[u8]) -> Result<BTreeMap<String, Tensor>, Error> {
    let archive = Archive::read(file).map_err(Error::Weights)?;
    match archive.get("constants.pkl") {
        Some(_) => torchscript::tensors(&archive, file.len()),
        None => pickle::tensors(&archive, file.len()),
    }
}

/// Whether a file begins with the length of a JSON header and the header.
fn is_safetensors(file: &[u8]) -> bool {
    let length = file.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    file.get(8) == Some(&b'{') && length.is_some_and(|length| length < file.len() as u64)
}

/// Says which format a file has that is neither safetensors nor a zip archive.
fn format_of(file: &[u8]) -> &'static str {
    match file {
        [] => "the file is empty",
        [0x80, 1..=5, ..] | [b'(', ..] => LEGACY,
        _ if file.get(257..262) == Some(b"ustar") => LEGACY,
        _ => "it is neither a safetensors file nor one written by torch.save or torch.jit.save",
    }
}

const LEGACY: &str = "it has the format that PyTorch wrote before version 1.6; load and save it again: \
                      torch.save(torch.load(path, weights_only=True), path)";
