//! Model packages with their networks.

pub use bcs_package::{Existing, sha256};

use std::collections::BTreeMap;
use std::path::Path;

use bcs_contracts::keys::{METADATA_FILE, MODEL_FILE, REFERENCE_FILE};
use bcs_contracts::{DriftReference, PackageMetadata};
use bcs_package::{name_classes, parse_json, read_file, read_metadata, verify};
use tch::Device;

use crate::error::Error;
use crate::nets::Network;
use crate::weights::{Load, check_finite, load_state, read_safetensors};

/// A model package in memory.
#[derive(Debug)]
pub struct Package {
    /// The network with the parameters of the package, on the requested device.
    pub network: Network,
    /// Description of the model; `classes` has one entry per output channel, even where the file names none.
    pub metadata: PackageMetadata,
    /// Drift reference, if the package has one.
    pub reference: Option<DriftReference>,
    /// SHA-256 of the parameter file in lower-case hex.
    pub weights_sha256: String,
}

impl Package {
    /// Reads a package folder and verifies its checksums.
    ///
    /// # Errors
    /// [`Error::File`] for a file that is missing, unreadable or does not match its checksum; [`Error::Weights`] for
    /// parameters that do not fit the network; [`Error::NotFinite`] for NaN or infinite parameters.
    pub fn read(folder: &Path, device: Device) -> Result<Self, Error> {
        let metadata_path = folder.join(METADATA_FILE);
        let (metadata, mut files) = read_files(folder)?;
        let weights_path = folder.join(MODEL_FILE);
        let weights = files.remove(MODEL_FILE).ok_or_else(|| {
            let reason = format!("'files' has no checksum of {MODEL_FILE}; write the package again");
            Error::File { path: metadata_path.display().to_string(), reason }
        })?;
        let reference_path = folder.join(REFERENCE_FILE);
        let reference = files.remove(REFERENCE_FILE);
        let reference = reference.map(|bytes| parse_json(&bytes, &reference_path)).transpose()?;
        Self::assemble(&weights, &weights_path, metadata, reference, device)
    }

    /// Reads a `.safetensors` file and the `metadata.json` in the same folder.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_weights(path: &Path, device: Device) -> Result<Self, Error> {
        let metadata = read_metadata(&path.with_file_name(METADATA_FILE))?;
        let weights = read_file(path)?;
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
        let state = read_safetensors(weights, &weights_path.display().to_string())?;
        check_finite(&state)?;
        load_state(&network, state, Load::Strict)?;
        let outputs = usize::try_from(network.out_channels()).unwrap_or_default();
        name_classes(&mut metadata, outputs)?;
        Ok(Self { network, metadata, reference, weights_sha256: sha256(weights) })
    }
}

/// Reads the description and all files of a package folder, and verifies their checksums.
///
/// # Errors
/// [`Error::File`] for a file that is missing, unreadable or does not match its checksum.
pub fn read_files(folder: &Path) -> Result<(PackageMetadata, BTreeMap<String, Vec<u8>>), Error> {
    Ok(bcs_package::read_files(folder)?)
}

/// Writes a package folder as [`bcs_package::write()`] does.
///
/// # Errors
/// [`Error::Exists`]; [`Error::Write`].
pub fn write(
    folder: &Path,
    metadata: PackageMetadata,
    files: &BTreeMap<String, Vec<u8>>,
    existing: Existing,
) -> Result<(), Error> {
    Ok(bcs_package::write(folder, metadata, files, existing)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bcs_contracts::class::unnamed_classes;
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
        write(folder.path(), metadata, &files, Existing::Refuse).unwrap();
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
    fn a_changed_byte_is_an_error() {
        let (folder, _) = package();
        let path = folder.path().join(MODEL_FILE);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        for error in [
            Package::read(folder.path(), Device::Cpu).unwrap_err(),
            Package::read_weights(&path, Device::Cpu).unwrap_err(),
        ] {
            assert!(error.to_string().contains("SHA-256"), "{error}");
        }
    }

    #[test]
    fn parameters_that_are_not_finite_are_an_error() {
        let (folder, network) = package();
        let (name, parameter) = network.state().pop_first().unwrap();
        let _ = tch::no_grad(|| parameter.shallow_clone().f_fill_(f64::NAN)).unwrap();
        let files = BTreeMap::from([(MODEL_FILE.to_owned(), write_safetensors(&network).unwrap())]);
        let metadata = read_metadata(&folder.path().join(METADATA_FILE)).unwrap();
        write(folder.path(), metadata, &files, Existing::Replace).unwrap();
        for error in [
            Package::read(folder.path(), Device::Cpu).unwrap_err(),
            Package::read_weights(&folder.path().join(MODEL_FILE), Device::Cpu).unwrap_err(),
        ] {
            assert!(matches!(error, Error::NotFinite(_)) && error.to_string().contains(&name), "{error}");
        }
    }

    #[test]
    fn unknown_formats_escaping_names_and_missing_files_are_errors() {
        let (folder, _) = package();
        let path = folder.path().join(METADATA_FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format_version\": 3", "\"format_version\": 9")).unwrap();
        let error = Package::read(folder.path(), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("version 9"), "{error}");
        fs::write(&path, text.replace(MODEL_FILE, "../model.safetensors")).unwrap();
        let error = Package::read(folder.path(), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("not a plain file name"), "{error}");
        let mut metadata: PackageMetadata = serde_json::from_str(&text).unwrap();
        metadata.files.clear();
        fs::write(&path, serde_json::to_vec(&metadata).unwrap()).unwrap();
        let error = Package::read(folder.path(), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("no checksum of model.safetensors"), "{error}");
        let mut metadata: PackageMetadata = serde_json::from_str(&text).unwrap();
        metadata.classes = unnamed_classes(2);
        metadata.classes[1].code = 0;
        fs::write(&path, serde_json::to_vec(&metadata).unwrap()).unwrap();
        let error = Package::read(folder.path(), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("two classes have the code 0"), "{error}");
        fs::write(&path, text).unwrap();
        fs::remove_file(folder.path().join(MODEL_FILE)).unwrap();
        assert!(Package::read(folder.path(), Device::Cpu).unwrap_err().to_string().contains(MODEL_FILE));
    }
}
