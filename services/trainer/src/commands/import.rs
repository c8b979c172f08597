//! `bcs-trainer import`: a model package from weights trained elsewhere, for example with MONAI.

use std::collections::BTreeMap;
use std::path::Path;

use bcs_contracts::PackageMetadata;
use bcs_contracts::class::unnamed_classes;
use bcs_contracts::keys::{self, CONFIG_FILE, MODEL_FILE};
use bcs_contracts::package::{FORMAT_VERSION, InputSpec, Scaling};
use bcs_data::LabelMap;
use bcs_model::nets::Network;
use bcs_model::package;
use bcs_model::weights::{self, Load, check_finite, load_state, write_safetensors};
use tch::Device;

use super::{require_path, write_package};
use crate::cli::ImportArguments;
use crate::config::{Composed, Configurations};
use crate::error::Result;
use crate::graph::add_graph;
use crate::output::loaded;
use crate::provenance::provenance;

/// Imports.
pub(super) fn run(arguments: &ImportArguments) -> Result<()> {
    let composed = Configurations::new(&arguments.config)?.compose(&arguments.config.overrides)?;
    require_path("--weights", &arguments.weights)?;
    // What the file lacks is initialized as in a training run.
    tch::manual_seed(composed.config.train_hyp.seed);
    let network = Network::new(&composed.architecture.name, &composed.architecture.arguments, Device::Cpu)?;
    let state = weights::read(&arguments.weights)?;
    check_finite(&state)?;
    let load = if arguments.allow_partial { Load::Partial } else { Load::Strict };
    let copied = load_state(&network, state, load)?;
    let parameters = write_safetensors(&network)?;
    let metadata = metadata(&composed, &network, &arguments.output, &package::sha256(&parameters))?;
    let (classes, version) = (metadata.classes.len(), metadata.version.clone());
    let mut files = BTreeMap::from([
        (MODEL_FILE.to_owned(), parameters),
        (CONFIG_FILE.to_owned(), composed.saved_yaml()?.into_bytes()),
    ]);
    add_graph(&mut files, &network, metadata.input.tile);
    write_package(&arguments.output, metadata, &files, arguments.overwrite)?;
    if arguments.allow_partial {
        println!("{}\n", loaded::describe(&network, &copied));
    }
    println!(
        "{version} with {:.2} M parameters and {classes} classes\n\npackage  {}",
        network.parameters() as f64 / 1e6,
        arguments.output.display()
    );
    Ok(())
}

/// Description of the package. Without a label map of as many classes, the classes have no names.
fn metadata(composed: &Composed, network: &Network, output: &Path, sha256: &str) -> Result<PackageMetadata> {
    let map = LabelMap::load(&composed.config.data.label_map, "data.label_map")?;
    let outputs = usize::try_from(network.out_channels()).unwrap_or_default();
    let fits = map.classes().len() == outputs;
    let name = output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(PackageMetadata {
        format_version: FORMAT_VERSION,
        version: keys::imported_version(&name, sha256),
        architecture: composed.architecture.clone(),
        classes: if fits { map.classes().to_vec() } else { unnamed_classes(outputs) },
        input: InputSpec {
            scaling: Scaling::UnitRange,
            mpp: composed.config.data.mpp,
            ..InputSpec::default()
        },
        labels: fits.then(|| map.to_package()),
        validation: None,
        quantization: None,
        pruning: None,
        files: BTreeMap::new(),
        provenance: provenance(&composed.yaml, None),
    })
}
