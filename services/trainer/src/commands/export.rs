//! `bcs-trainer export`: a model for other programs, as TorchScript, as ONNX or as safetensors with MONAI's names.

use std::path::{Path, PathBuf};

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::METADATA_FILE;
use bcs_model::export::{onnx, torchscript};
use bcs_model::package::Package;
use bcs_model::weights::write_described_safetensors;
use fs_err as fs;
use tch::Device;

use super::require_path;
use crate::cli::{ExportArguments, Format};
use crate::error::{Error, Result};
use crate::python;

/// Exports.
pub(super) fn run(arguments: &ExportArguments) -> Result<()> {
    require_path("--model", &arguments.model)?;
    let package = match arguments.model.is_dir() {
        true => Package::read(&arguments.model, Device::Cpu)?,
        false => Package::read_weights(&arguments.model, Device::Cpu)?,
    };
    let output = arguments.output.clone().unwrap_or_else(|| default_output(arguments.format));
    let metadata_path = output.with_file_name(METADATA_FILE);
    let metadata = describe(&package.metadata)?;
    if !arguments.overwrite {
        refuse_other(&output, None)?;
        // Two formats of one model share it.
        refuse_other(&metadata_path, Some(&metadata))?;
    }
    let size = package.network.accepted_size(package.metadata.input.tile.map(i64::from));
    let (contents, usage) = match arguments.format {
        Format::Torchscript => {
            (torchscript(&package.network, size)?, python::load_torchscript(&output, &package))
        }
        Format::Onnx => (onnx(&package.network, size)?, python::run_onnx(&output, &package)),
        Format::Safetensors => (
            write_described_safetensors(&package.network, &header(&package.metadata)?)?,
            python::load_safetensors(&output, &package.metadata.architecture),
        ),
    };
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)?;
    }
    write_whole(&output, &contents)?;
    // The description is written last: with it, the predictor serves the model.
    write_whole(&metadata_path, &metadata)?;
    println!(
        "{}\n\nfile      {}\nmetadata  {}\n\n{usage}",
        package.metadata.version,
        output.display(),
        metadata_path.display()
    );
    Ok(())
}

fn default_output(format: Format) -> PathBuf {
    match format {
        Format::Torchscript => "export/model.pt".into(),
        Format::Safetensors => "export/model.safetensors".into(),
        Format::Onnx => "export/model.onnx".into(),
    }
}

/// Returns an error if a file exists, unless it has these contents.
fn refuse_other(path: &Path, contents: Option<&[u8]>) -> Result<()> {
    if !path.exists() || (contents.is_some() && fs::read(path).ok().as_deref() == contents) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{} exists already; choose another --output, or replace it with --overwrite",
        path.display()
    )))
}

/// Returns the `metadata.json` beside an export: that of the package without checksums, as its files are others.
fn describe(metadata: &PackageMetadata) -> Result<Vec<u8>> {
    let metadata = PackageMetadata { files: std::collections::BTreeMap::new(), ..metadata.clone() };
    let mut text = serde_json::to_vec_pretty(&metadata)?;
    text.push(b'\n');
    Ok(text)
}

/// Returns what the header of a safetensors file says about the network.
fn header(metadata: &PackageMetadata) -> Result<Vec<(&'static str, String)>> {
    let classes: Vec<&str> = metadata.classes.iter().map(|class| class.name.as_str()).collect();
    Ok(vec![
        ("network", metadata.architecture.name.clone()),
        ("arguments", serde_json::to_string(&metadata.architecture.arguments)?),
        ("classes", serde_json::to_string(&classes)?),
        ("version", metadata.version.clone()),
    ])
}

/// Writes a file so that others see a whole one or none.
fn write_whole(path: &Path, contents: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    fs::write(&temporary, contents)?;
    fs::rename(&temporary, path).inspect_err(|_| {
        // What is left is of no use; the error of the renaming is reported.
        let _ = fs::remove_file(&temporary);
    })?;
    Ok(())
}
