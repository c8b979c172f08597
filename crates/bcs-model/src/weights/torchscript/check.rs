//! The check of a TorchScript archive before libtorch opens it.
//!
//! libtorch trusts the archive: a storage that is shorter than its tensor makes it read beyond the storage. Damage is
//! found here. A TorchScript archive remains a program that runs in the process: open only those that you trust.

use crate::weights::archive::{self, Archive};
use crate::weights::pickle::{Dialect, Pickle, check_version};

/// Maximum nesting of brackets in the code, which libtorch parses recursively.
const MAX_NESTING: usize = 128;

/// Maximum length of a line of code in bytes.
const MAX_LINE: usize = 64 << 10;

/// Checks a TorchScript archive and returns an archive of the records that were checked, for libtorch to open.
///
/// The result is written anew, so that libtorch sees exactly these records, with nothing compressed. Debug information
/// is left out.
///
/// # Errors
/// What is wrong with the archive.
pub fn check_torchscript(file: &[u8]) -> Result<Vec<u8>, String> {
    if !Archive::looks_like(file) {
        return Err("it is not a TorchScript archive: the header of the zip archive is missing".to_owned());
    }
    let archive = Archive::read(file)?;
    let pickle = |name: &str| archive.get(name).ok_or_else(|| format!("the record '{name}' is missing"));
    if archive.get("data.pkl").is_some() && archive.get("constants.pkl").is_none() {
        return Err(
            "it is a state dictionary, not a TorchScript archive; make a package of it: bcs-trainer import"
                .to_owned(),
        );
    }
    check_version(&archive)?;
    Pickle::read(pickle("data.pkl")?, &archive, "data", Dialect::TorchScript)
        .map_err(|reason| format!("data.pkl: {reason}"))?;
    Pickle::read(pickle("constants.pkl")?, &archive, "constants", Dialect::TorchScript)
        .map_err(|reason| format!("constants.pkl: {reason}"))?;
    let kept: Vec<_> = archive.records().filter(|(name, _)| is_kept(name)).collect();
    for (name, contents) in kept.iter().filter(|(name, _)| is_code(name)) {
        check_code(contents).map_err(|reason| format!("{name}: {reason}"))?;
    }
    archive::write(kept.into_iter().map(|(name, contents)| (format!("model/{name}"), contents)))
}

/// Whether libtorch needs a record.
fn is_kept(name: &str) -> bool {
    let tensor = name.strip_prefix("data/").or_else(|| name.strip_prefix("constants/"));
    is_code(name)
        || tensor.is_some_and(|key| !key.contains('/'))
        || ["version", "byteorder", "data.pkl", "constants.pkl"].contains(&name)
}

fn is_code(name: &str) -> bool {
    name.starts_with("code/") && name.ends_with(".py")
}

/// Checks that libtorch's recursive parser does not overflow the stack.
fn check_code(code: &[u8]) -> Result<(), String> {
    let code = std::str::from_utf8(code).map_err(|_| "the code is not UTF-8".to_owned())?;
    if code.contains('\0') {
        return Err("the code contains NUL".to_owned());
    }
    let mut depth = 0_usize;
    for line in code.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line.len() > MAX_LINE || indent > MAX_NESTING {
            return Err("a line of code is too long or indented too deeply".to_owned());
        }
        for byte in line.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_NESTING {
                return Err(format!("brackets are nested more than {MAX_NESTING} deep"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Records = Vec<(String, Vec<u8>)>;

    fn golden() -> Records {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pickle/torchscript.pt");
        let file = std::fs::read(path).unwrap();
        let archive = Archive::read(&file).unwrap();
        archive.records().map(|(name, contents)| (name.to_owned(), contents.to_vec())).collect()
    }

    /// Checks the golden archive after a change to one record.
    fn check(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, String> {
        let mut records = golden();
        change(&mut records.iter_mut().find(|(record, _)| record == name).unwrap().1);
        let named = records.iter().map(|(name, contents)| (format!("m/{name}"), contents.as_slice()));
        check_torchscript(&archive::write(named).unwrap())
    }

    #[test]
    fn only_checked_records_reach_libtorch() {
        let checked = check("version", |_| {}).unwrap();
        let archive = Archive::read(&checked).unwrap();
        assert!(archive.records().all(|(name, _)| is_kept(name)));
        assert!(archive.records().any(|(name, _)| is_code(name)));
    }

    #[test]
    fn storages_that_are_shorter_than_their_tensors_are_named() {
        let error = check("data/0", |bytes| bytes.truncate(bytes.len() - 4)).unwrap_err();
        assert!(error.contains("data.pkl: the record 'data/0' has"), "{error}");
    }

    #[test]
    fn unknown_functions_and_deep_code_are_refused() {
        let code = golden().into_iter().find(|(name, _)| is_code(name)).unwrap().0;
        let error = check(&code, |text| text.extend("x = ".bytes().chain([b'('; 10_000]))).unwrap_err();
        assert!(error.contains("nested"), "{error}");
        let error = check("constants.pkl", |bytes| *bytes = b"\x80\x02cos\nsystem\n.".to_vec()).unwrap_err();
        assert!(error.contains("constants.pkl: it refers to 'os.system'"), "{error}");
    }
}
