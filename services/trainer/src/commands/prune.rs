//! `bcs-trainer prune`: a smaller model from the most important channels of a `UNet`.

use std::collections::BTreeMap;

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::{self, CONFIG_FILE, MODEL_FILE};
use bcs_contracts::package::{FORMAT_VERSION, Pruning};
use bcs_model::nets::{Network, UNetArguments};
use bcs_model::package::{self, Package};
use bcs_model::prune::prune_unet;
use bcs_model::weights::write_safetensors;
use serde_json::{Map, Value};
use tch::Device;

use super::{require_path, write_package};
use crate::cli::PruneArguments;
use crate::error::{Error, Result};
use crate::graph::add_graph;
use crate::output::table::table;

/// Numbers of channels are multiples of this where the network has at least twice as many: CPUs compute so many at once.
const TOGETHER: i64 = 8;

/// Prunes.
pub(super) fn run(arguments: &PruneArguments) -> Result<()> {
    require_path("--model", &arguments.model)?;
    if !(arguments.multiplications > 0.0 && arguments.multiplications < 1.0) {
        return Err(Error::Usage(format!(
            "--multiplications is {}; it must be above 0 and below 1",
            arguments.multiplications
        )));
    }
    let Package { network, metadata, .. } = Package::read(&arguments.model, Device::Cpu)?;
    if metadata.architecture.name != "UNet" {
        return Err(Error::Usage(format!(
            "--model {} is a {}; only a UNet can be pruned",
            arguments.model.display(),
            metadata.architecture.name
        )));
    }
    let size = network.accepted_size(metadata.input.tile.map(i64::from));
    let before = network.summary(size)?.macs;
    let most = (before as f64 * arguments.multiplications) as i64;
    let channels = fewer_channels(&metadata.architecture.arguments, size, most)?;
    let (smaller, new_arguments) = prune_unet(&network, &metadata.architecture.arguments, &channels)?;
    let after = smaller.summary(size)?.macs;

    let old_channels = channels_of(&metadata.architecture.arguments)?;
    let pruning =
        Pruning { pruned_from: metadata.version.clone(), multiplications: after as f64 / before as f64 };
    write(arguments, metadata, &smaller, new_arguments, pruning)?;
    let row = |name: &str, channels: &[i64], network: &Network, macs: i64| {
        let millions = |number: f64| format!("{:.2}", number / 1e6);
        vec![name.to_owned(), list(channels), millions(network.parameters() as f64), millions(macs as f64)]
    };
    let rows = [row("given", &old_channels, &network, before), row("pruned", &channels, &smaller, after)];
    println!("{}\n", table(&["network", "channels", "parameters, M", "multiplications, M"], &rows));
    println!(
        "package  {output}\n\nIt needs further training, with the configuration of the given model and\n\n  bcs-trainer \
         'model_hyp.channels={channels}' train_hyp.initial_weights={output}",
        output = arguments.output.display(),
        channels = list(&channels),
    );
    Ok(())
}

/// Returns numbers of channels for at most so many multiplications: the largest fraction of each level, in steps of 1 %.
fn fewer_channels(arguments: &Map<String, Value>, size: [i64; 2], most: i64) -> Result<Vec<i64>> {
    let given = channels_of(arguments)?;
    let macs = |channels: &[i64]| -> Result<i64> {
        let mut arguments = arguments.clone();
        arguments.insert("channels".to_owned(), channels.into());
        Ok(Network::new("UNet", &arguments, Device::Cpu)?.summary(size)?.macs)
    };
    // The largest percentage that fits is between these.
    let (mut fits, mut exceeds) = (0, 100);
    while exceeds - fits > 1 {
        let percent = i64::midpoint(fits, exceeds);
        if macs(&fraction(&given, percent))? <= most {
            fits = percent;
        } else {
            exceeds = percent;
        }
    }
    let channels = fraction(&given, fits);
    if macs(&channels)? > most {
        return Err(Error::Usage("--multiplications is too small for this network; allow more".to_owned()));
    }
    Ok(channels)
}

fn fraction(channels: &[i64], percent: i64) -> Vec<i64> {
    let of = |all: &i64| {
        let multiple = if *all >= 2 * TOGETHER { TOGETHER } else { 1 };
        ((all * percent + 50 * multiple) / (100 * multiple) * multiple).clamp(multiple, *all)
    };
    channels.iter().map(of).collect()
}

fn channels_of(arguments: &Map<String, Value>) -> Result<Vec<i64>> {
    Ok(serde_json::from_value::<UNetArguments>(Value::Object(arguments.clone()))?.channels)
}

fn list(channels: &[i64]) -> String {
    let numbers: Vec<String> = channels.iter().map(i64::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// Writes the package. It has no scores and no drift reference, which are those of another network.
fn write(
    arguments: &PruneArguments,
    mut metadata: PackageMetadata,
    network: &Network,
    network_arguments: Map<String, Value>,
    pruning: Pruning,
) -> Result<()> {
    let (_, mut given) = package::read_files(&arguments.model)?;
    let parameters = write_safetensors(network)?;
    let name = arguments.output.file_name().unwrap_or_default().to_string_lossy();
    metadata.format_version = FORMAT_VERSION;
    metadata.version = keys::imported_version(&name, &package::sha256(&parameters));
    metadata.architecture.arguments = network_arguments;
    metadata.validation = None;
    metadata.quantization = None;
    metadata.pruning = Some(pruning);
    metadata.files = BTreeMap::new();
    let mut files = BTreeMap::from([(MODEL_FILE.to_owned(), parameters)]);
    files.extend(given.remove_entry(CONFIG_FILE));
    add_graph(&mut files, network, metadata.input.tile);
    write_package(&arguments.output, metadata, &files, arguments.overwrite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_channels_are_multiples_of_eight() {
        assert_eq!(fraction(&[16, 32, 64, 128, 256], 70), [8, 24, 48, 88, 176]);
        assert_eq!(fraction(&[4, 8, 15], 50), [2, 4, 8]);
        assert_eq!(fraction(&[4, 16], 1), [1, 8]);
    }
}
