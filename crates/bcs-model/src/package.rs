//! A model package on disk: parameters, what they mean, and proof that nothing changed since.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bcs_contracts::class::unnamed_classes;
use bcs_contracts::keys::{METADATA_FILE, MODEL_FILE, REFERENCE_FILE};
use bcs_contracts::package::READABLE;
use bcs_contracts::{DriftReference, PackageMetadata};
use sha2::{Digest, Sha256};
use tch::Device;

use crate::error::Error;
use crate::nets::Network;
use crate::weights::{load_state, read_safetensors};

/// A network with everything its package says about it.
#[derive(Debug)]
pub struct Package {
    /// Its parameters on the device asked for.
    pub network: Network,
    /// What the package says about itself; classes are never empty.
    pub metadata: PackageMetadata,
    /// What drift is measured against, where the package has it.
    pub reference: Option<DriftReference>,
}

impl Package {
    /// Reads a package folder.
    ///
    /// # Errors
    /// [`Error::File`] for a file that is missing, can't be read, or has another checksum than the package says;
    /// [`Error::Weights`] for parameters that are not the network's.
    pub fn read(folder: &Path, device: Device) -> Result<Self, Error> {
        let metadata = read_metadata(&folder.join(METADATA_FILE))?;
        let mut files = read_verified(folder, &metadata)?;
        let weights_path = folder.join(MODEL_FILE);
        let weights = files.remove(MODEL_FILE).map_or_else(|| read(&weights_path), Ok)?;
        let reference_path = folder.join(REFERENCE_FILE);
        let reference = files.remove(REFERENCE_FILE);
        let reference = reference.map(|bytes| parse_json(&bytes, &reference_path)).transpose()?;
        Self::assemble(&weights, &weights_path, metadata, reference, device)
    }

    /// Reads a `.safetensors` file with its `metadata.json` beside it.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_weights(path: &Path, device: Device) -> Result<Self, Error> {
        let metadata = read_metadata(&path.with_file_name(METADATA_FILE))?;
        let weights = read(path)?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(expected) = metadata.files.get(name) {
            verify(path, &weights, expected)?;
        }
        Self::assemble(&weights, path, metadata, None, device)
    }

    fn assemble(
        weights: &[u8],
        weights_path: &Path,
        mut metadata: PackageMetadata,
        reference: Option<DriftReference>,
        device: Device,
    ) -> Result<Self, Error> {
        let architecture = &metadata.architecture;
        let network = Network::new(&architecture.name, &architecture.arguments, device)?;
        load_state(&network, read_safetensors(weights, &weights_path.display().to_string())?)?;
        let outputs = usize::try_from(network.out_channels()).unwrap_or_default();
        if metadata.classes.is_empty() {
            metadata.classes = unnamed_classes(outputs);
        }
        if metadata.classes.len() != outputs {
            let reason = format!("it names {} classes for {outputs} output channels", metadata.classes.len());
            return Err(Error::File { path: METADATA_FILE.to_owned(), reason });
        }
        Ok(Self { network, metadata, reference })
    }
}

/// Writes a package folder from its files; `metadata` gets their checksums and is written last, so that a folder
/// with it is whole.
///
/// # Errors
/// [`Error::File`].
pub fn write(
    folder: &Path,
    mut metadata: PackageMetadata,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    for (name, bytes) in files {
        metadata.files.insert(name.clone(), sha256(bytes));
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|error| unreadable(&path, &error))?;
    }
    let path = folder.join(METADATA_FILE);
    let mut text = serde_json::to_vec_pretty(&metadata).map_err(|error| unreadable(&path, &error))?;
    text.push(b'\n');
    let unfinished = folder.join(format!(".{METADATA_FILE}"));
    fs::write(&unfinished, text).map_err(|error| unreadable(&unfinished, &error))?;
    fs::rename(&unfinished, &path).map_err(|error| unreadable(&path, &error))
}

/// The sha256 of bytes in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_metadata(path: &Path) -> Result<PackageMetadata, Error> {
    let metadata: PackageMetadata = parse_json(&read(path)?, path)?;
    if !READABLE.contains(&metadata.format_version) {
        let reason = format!(
            "its format version is {}; this program reads {} to {}",
            metadata.format_version,
            READABLE.start(),
            READABLE.end()
        );
        return Err(unreadable(path, &reason));
    }
    Ok(metadata)
}

fn read_verified(folder: &Path, metadata: &PackageMetadata) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    for (name, expected) in &metadata.files {
        // A name with a way out of the folder is nobody's file.
        if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) {
            return Err(unreadable(
                &folder.join(METADATA_FILE),
                &format!("'{name}' is no file of the package"),
            ));
        }
        let path = folder.join(name);
        let bytes = read(&path)?;
        verify(&path, &bytes, expected)?;
        files.insert(name.clone(), bytes);
    }
    Ok(files)
}

fn verify(path: &Path, bytes: &[u8], expected: &str) -> Result<(), Error> {
    let found = sha256(bytes);
    if found == expected {
        return Ok(());
    }
    let reason = format!(
        "its sha256 is {found} where the package says {expected}: it was changed or damaged; copy the package again"
    );
    Err(unreadable(path, &reason))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

fn parse_json<T: serde::de::DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, reason: &impl ToString) -> Error {
    Error::File { path: path.display().to_string(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::package::Architecture;

    use super::*;
    use crate::weights::write_safetensors;

    fn package() -> (tempfile::TempDir, Network) {
        let arguments = serde_json::json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [2, 4], "strides": [2],
        });
        let architecture =
            Architecture { name: "UNet".into(), arguments: arguments.as_object().unwrap().clone() };
        let network = Network::new(&architecture.name, &architecture.arguments, Device::Cpu).unwrap();
        let metadata = serde_json::from_value(serde_json::json!({"architecture": architecture})).unwrap();
        let files = BTreeMap::from([(MODEL_FILE.to_owned(), write_safetensors(&network).unwrap())]);
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), metadata, &files).unwrap();
        (folder, network)
    }

    #[test]
    fn a_package_reads_back_as_it_was_written() {
        let (folder, network) = package();
        let read = Package::read(folder.path(), Device::Cpu).unwrap();
        for (name, tensor) in network.state() {
            assert!(tensor.equal(&read.network.state()[&name]), "{name}");
        }
        assert_eq!(read.metadata.classes.len(), 2);
        assert!(Package::read_weights(&folder.path().join(MODEL_FILE), Device::Cpu).is_ok());
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let (folder, _) = package();
        let path = folder.path().join(MODEL_FILE);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        for error in [
            Package::read(folder.path(), Device::Cpu).unwrap_err(),
            Package::read_weights(&path, Device::Cpu).unwrap_err(),
        ] {
            assert!(error.to_string().contains("sha256"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_or_newer_is_named() {
        let (folder, _) = package();
        let path = folder.path().join(METADATA_FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format_version\": 2", "\"format_version\": 9")).unwrap();
        let error = Package::read(folder.path(), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("version is 9"), "{error}");
        fs::write(&path, text.replace(MODEL_FILE, "../model.safetensors")).unwrap();
        assert!(
            Package::read(folder.path(), Device::Cpu)
                .unwrap_err()
                .to_string()
                .contains("no file of the package")
        );
        fs::write(&path, text).unwrap();
        fs::remove_file(folder.path().join(MODEL_FILE)).unwrap();
        assert!(Package::read(folder.path(), Device::Cpu).unwrap_err().to_string().contains(MODEL_FILE));
    }
}
