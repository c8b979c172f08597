//! Files of an encoder's weights, as classifiers have them, for a network that has the encoder under `encoder.`.

use std::collections::BTreeMap;

use tch::Tensor;

use super::prefix;
use crate::error::Error;

/// Prefix of the encoder's parameters in the network.
const ENCODER: &str = "encoder.";

/// Renames the tensors of a file of an encoder's weights to the network's names. Other files are returned as they are:
/// those that have any of the network's own names, and all of a network without an encoder.
///
/// The file's names may be
/// - those of MONAI's `EfficientNetBN` (`_blocks.1.2._bn0.weight`) and `ResNet` (`layer1.0.conv1.weight`), which
///   torchvision's ResNet has too, with or without a prefix, as `module.` in MedicalNet's files;
/// - those of the EfficientNet files that MONAI downloads for `pretrained=True` (`_blocks.2._bn0.weight`), where blocks
///   are not grouped by stack.
///
/// Names that the encoder does not have, as `fc.weight` of a ResNet classifier, stay.
///
/// # Errors
/// [`Error::Weights`] if the file has the encoder twice, under prefixes of equal standing.
pub(super) fn rename(
    variables: &BTreeMap<String, Tensor>,
    state: BTreeMap<String, Tensor>,
) -> Result<BTreeMap<String, Tensor>, Error> {
    let names = variables.keys().filter_map(|name| name.strip_prefix(ENCODER));
    let own: BTreeMap<String, &str> =
        names.flat_map(|name| [(name.to_owned(), name), (without_stack(name), name)]).collect();
    let is_known = |name: &str| variables.contains_key(name);
    if own.is_empty() || state.keys().any(|name| prefix::suffixes(name).any(|(_, suffix)| is_known(suffix))) {
        return Ok(state);
    }
    let prefix = prefix::find(state.keys(), |name| own.contains_key(name), own.len())?.to_owned();
    let rename = |name: String| match name.strip_prefix(&prefix).and_then(|name| own.get(name)) {
        Some(own) => format!("{ENCODER}{own}"),
        None => name,
    };
    Ok(state.into_iter().map(|(name, tensor)| (rename(name), tensor)).collect())
}

/// Takes out the first of the last two adjacent numbers, as `monai.networks.nets.efficientnet._load_state_dict` does:
/// `_blocks.1.2._bn0.weight` becomes `_blocks.2._bn0.weight`.
fn without_stack(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('.').collect();
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(stack) = parts.windows(2).rposition(|pair| pair.iter().all(|part| is_number(part))) {
        parts.remove(stack);
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn state(names: &[&str]) -> BTreeMap<String, Tensor> {
        let tensor = || Tensor::zeros([1], (Kind::Float, Device::Cpu));
        names.iter().map(|name| ((*name).to_owned(), tensor())).collect()
    }

    fn renamed(network: &[&str], file: &[&str]) -> Vec<String> {
        rename(&state(network), state(file)).unwrap().into_keys().collect()
    }

    const EFFICIENT_NET: [&str; 3] =
        ["encoder._bn0.bias", "encoder._blocks.1.2._bn0.bias", "encoder._blocks.0.0._se_reduce.bias"];

    const RES_NET: [&str; 3] =
        ["encoder.conv1.weight", "encoder.layer1.0.conv1.weight", "encoder.layer1.0.downsample.0.weight"];

    #[test]
    fn stacks_are_added_to_the_names_of_blocks() {
        let file = ["_bn0.bias", "_blocks.2._bn0.bias", "_blocks.0._se_reduce.bias", "_blocks.3._bn0.bias"];
        let expected = [
            "_blocks.3._bn0.bias",
            "encoder._blocks.0.0._se_reduce.bias",
            "encoder._blocks.1.2._bn0.bias",
            "encoder._bn0.bias",
        ];
        assert_eq!(renamed(&EFFICIENT_NET, &file), expected);
        let nested = ["_bn0.bias", "_blocks.1.2._bn0.bias", "_blocks.0.0._se_reduce.bias"];
        assert_eq!(renamed(&EFFICIENT_NET, &nested), expected[1..]);
    }

    #[test]
    fn prefixes_are_taken_off_and_the_classifier_stays() {
        let file = ["conv1.weight", "layer1.0.conv1.weight", "layer1.0.downsample.0.weight", "fc.weight"];
        let expected = [RES_NET[0], RES_NET[1], RES_NET[2], "fc.weight"];
        assert_eq!(renamed(&RES_NET, &file), expected);
        for prefix in ["module.", "backbone."] {
            let prefixed = file.map(|name| format!("{prefix}{name}"));
            let fc = format!("{prefix}fc.weight");
            let mut expected = [RES_NET[0], RES_NET[1], RES_NET[2], &fc];
            expected.sort_unstable();
            assert_eq!(renamed(&RES_NET, &prefixed.each_ref().map(String::as_str)), expected);
        }
    }

    #[test]
    fn files_of_a_network_keep_their_names() {
        let networks = ["encoder.conv1.weight", "module.encoder.conv1.weight", "net.head.weight"];
        for name in networks {
            let network = ["encoder.conv1.weight", "head.weight"];
            let mut file = [name, "conv1.weight"];
            file.sort_unstable();
            assert_eq!(renamed(&network, &file), file);
        }
        assert_eq!(renamed(&["conv1.weight"], &["conv1.bias"]), ["conv1.bias"]);
    }
}
