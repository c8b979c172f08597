//! `bcs-trainer import`: a model package of weights trained elsewhere, MONAI's for example.

use std::collections::BTreeMap;

use anyhow::Result;
use bcs_contracts::class::unnamed_classes;
use bcs_contracts::keys::{CONFIG_FILE, MODEL_FILE};
use bcs_contracts::package::{FORMAT_VERSION, InputSpec, PackageMetadata, Scaling};
use bcs_data::LabelMap;
use bcs_model::nets::Network;
use bcs_model::package;
use bcs_model::weights::{load_state, read_pickle, read_safetensors, write_safetensors};
use fs_err as fs;
use tch::Device;

use crate::cli::ImportArguments;
use crate::config::{Configurations, typed};
use crate::error::usage;
use crate::provenance::provenance;

/// Imports.
pub(super) fn run(arguments: &ImportArguments) -> Result<()> {
    let configurations = Configurations::find(&arguments.config)?;
    let composition = configurations
        .composer
        .compose(&arguments.config.config_name, &arguments.config.overrides)
        .map_err(usage)?;
    let composed = typed(composition)?;
    let architecture = composed.config.model_hyp.architecture();
    let network = Network::new(&architecture.name, &architecture.arguments, Device::Cpu).map_err(usage)?;
    let state = match arguments.weights.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors") => {
            read_safetensors(&fs::read(&arguments.weights)?, &arguments.weights.display().to_string())?
        }
        Some("pt" | "pth" | "bin" | "ckpt") => read_pickle(&arguments.weights)?,
        _ => return Err(usage(format!("{}: give a .safetensors or a .pt", arguments.weights.display()))),
    };
    load_state(&network, state)?;

    let map = LabelMap::load(&composed.config.data.label_map).map_err(usage)?;
    let outputs = usize::try_from(network.out_channels())?;
    let named = map.classes().len() == outputs;
    let metadata = PackageMetadata {
        format_version: FORMAT_VERSION,
        version: arguments
            .output
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        architecture,
        classes: if named { map.classes().to_vec() } else { unnamed_classes(outputs) },
        input: InputSpec {
            scaling: Scaling::UnitRange,
            mpp: composed.config.data.mpp,
            ..InputSpec::default()
        },
        labels: named.then(|| map.to_package()),
        validation: None,
        files: BTreeMap::new(),
        provenance: provenance(&composed.yaml, None),
    };
    let files = BTreeMap::from([
        (MODEL_FILE.to_owned(), write_safetensors(&network)?),
        (CONFIG_FILE.to_owned(), composed.yaml.into_bytes()),
    ]);
    package::write(&arguments.output, metadata, &files)?;
    println!(
        "{} with {:.2} M parameters and {outputs} classes in {}",
        arguments.weights.display(),
        network.parameters() as f64 / 1e6,
        arguments.output.display()
    );
    Ok(())
}
