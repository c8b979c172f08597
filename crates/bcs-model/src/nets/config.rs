//! From the configuration group `model_hyp` to a network and its arguments.

use std::collections::BTreeMap;

use bcs_contracts::package::Architecture;
use serde_json::{Map, Value};

use super::registry::{Entry, NETWORKS, find, names_of};
use crate::error::{Error, argument};

/// Name of the configuration group.
const GROUP: &str = "model_hyp";

/// Key of the network's name.
const NAME_KEY: &str = "model";

/// Keys of the predecessor's file. It describes several networks at once, so a network passes over those it has no
/// argument for.
const SHARED_KEYS: [&str; 12] = [
    NAME_KEY,
    "spatial_dims",
    "in_channels",
    "out_channels",
    "channels",
    "strides",
    "num_res_units",
    "dropout",
    "activation",
    "kernel_size",
    "up_kernel_size",
    "backbone",
];

/// Returns the network that the configuration group `model_hyp` describes: `model` is its name, in any case, and the
/// other keys are its arguments, by MONAI's names. Some arguments have another key too (`activation` for `act`), which
/// has no effect beside MONAI's name: a built-in file may have set it. All arguments are checked, and those left out have
/// MONAI's defaults.
///
/// # Errors
/// [`Error::Argument`] with the configuration key, as `model_hyp.strides`: for an unknown network, a key that the
/// network does not have (the message lists those it has), a missing key and a value that the network refuses.
pub fn architecture(config: &Map<String, Value>) -> Result<Architecture, Error> {
    architecture_among(NETWORKS, config)
}

/// Returns the keys that the group may have for the network of this name, in any case: its arguments and `model`. None
/// for an unknown network.
pub fn config_keys(name: &str) -> Vec<&'static str> {
    let entry = find(NETWORKS, name);
    entry.map_or_else(|_| Vec::new(), |entry| std::iter::once(NAME_KEY).chain(entry.keys()).collect())
}

fn architecture_among(networks: &[Entry], config: &Map<String, Value>) -> Result<Architecture, Error> {
    let entry = chosen(networks, config).map_err(|error| error.within(GROUP))?;
    let given = select(entry, config).map_err(|error| error.within(GROUP))?;
    let arguments = given.iter().map(|(name, given)| ((*name).to_owned(), given.value.clone())).collect();
    let arguments = entry.complete(&arguments).map_err(|error| in_config(&given, error).within(GROUP))?;
    Ok(Architecture { name: entry.name.to_owned(), arguments })
}

fn chosen<'a>(networks: &'a [Entry], config: &Map<String, Value>) -> Result<&'a Entry, Error> {
    let known = || format!("the networks are {}", names_of(networks));
    match config.get(NAME_KEY) {
        None | Some(Value::Null) => Err(argument(NAME_KEY, format!("is missing; {}", known()))),
        Some(Value::String(name)) => find(networks, name)
            .map_err(|_| argument(NAME_KEY, format!("is '{name}', which is not a network; {}", known()))),
        Some(other) => Err(argument(NAME_KEY, format!("is {other}; it must be a name; {}", known()))),
    }
}

/// Value of an argument, and the configuration key that gave it.
struct Given<'a> {
    key: &'a str,
    value: &'a Value,
}

/// Selects the arguments of a network, under its own names.
fn select<'a>(entry: &Entry, config: &'a Map<String, Value>) -> Result<BTreeMap<&'a str, Given<'a>>, Error> {
    let mut arguments = BTreeMap::new();
    for (key, value) in config {
        let given = Given { key, value };
        if entry.has(key) {
            arguments.insert(key.as_str(), given);
        } else if let Some(name) = entry.renamed(key) {
            if !config.contains_key(name) {
                arguments.insert(name, given);
            }
        } else if !SHARED_KEYS.contains(&key.as_str()) {
            let keys = entry.describe_keys();
            return Err(argument(key, format!("is not an argument of {}; its keys are {keys}", entry.name)));
        }
    }
    Ok(arguments)
}

/// Replaces an argument's name in an error by the configuration key that gave its value.
fn in_config(given: &BTreeMap<&str, Given<'_>>, error: Error) -> Error {
    let Error::Argument { name, reason } = error else { return error };
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, rest) = name.split_at(end);
    let key = given.get(first).map_or(first, |given| given.key);
    argument(&format!("{key}{rest}"), reason)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use tch::nn::Path;
    use tch::{Device, Tensor};

    use super::super::Network;
    use super::super::activations::Activations;
    use super::super::registry::{NetworkArguments, SegmentationNet};
    use super::super::shapes::Shapes;
    use super::*;
    use crate::blocks::Block;
    use crate::blocks::conv::{Conv2d, ConvOptions};

    /// A second network: a single 1×1 convolution, with an argument of its own and a key of its own.
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PointwiseArguments {
        in_channels: i64,
        out_channels: i64,
        #[serde(default)]
        with_bias: bool,
    }

    #[derive(Debug)]
    struct Pointwise(Conv2d);

    impl NetworkArguments for PointwiseArguments {
        const NAME: &'static str = "Pointwise";
        const RENAMED: &'static [(&'static str, &'static str)] = &[("constant", "with_bias")];

        fn check(&self) -> Result<(), Error> {
            crate::arguments::in_range("in_channels", self.in_channels, 1, 3)
        }

        fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
            let options = ConvOptions::pointwise(self.with_bias);
            Ok(Box::new(Pointwise(Conv2d::new(path, self.in_channels, self.out_channels, options)?)))
        }
    }

    impl SegmentationNet for Pointwise {
        fn shapes(&self) -> &Shapes {
            &Shapes {
                in_channels: 3,
                out_channels: 2,
                size_divisor: [1, 1],
                min_size: [1, 1],
                min_training_size: [1, 1],
                output_stride: [1, 1],
            }
        }

        fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
            let logits = self.0.forward(input, train)?;
            Ok(Activations { bottleneck: logits.shallow_clone(), logits })
        }
    }

    /// The predecessor's file, changed as said.
    fn config(changes: &Value) -> Map<String, Value> {
        let mut config = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [8, 16, 32], "strides": [2, 2],
            "num_res_units": 1, "dropout": 0.1, "activation": "prelu", "kernel_size": 3, "up_kernel_size": 3,
            "model": "unet", "backbone": "efficientnet-b0",
        });
        let config = config.as_object_mut().unwrap();
        for (key, value) in changes.as_object().unwrap() {
            config.insert(key.clone(), value.clone());
        }
        config.clone()
    }

    #[test]
    fn keys_become_arguments_and_those_left_out_have_monais_defaults() {
        let found = architecture(&config(&json!({"norm": "batch"}))).unwrap();
        assert_eq!(found.name, "UNet");
        let expected = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [8, 16, 32], "strides": [2, 2],
            "kernel_size": 3, "up_kernel_size": 3, "num_res_units": 1, "act": "prelu", "norm": "batch",
            "dropout": 0.1, "bias": true, "adn_ordering": "NDA",
        });
        assert_eq!(Value::Object(found.arguments.clone()), expected);
        Network::new(&found.name, &found.arguments, Device::Cpu).unwrap();
    }

    #[test]
    fn a_second_network_needs_its_own_arguments_only() {
        let networks = [Entry::of::<super::super::UNetArguments>(), Entry::of::<PointwiseArguments>()];
        let found =
            architecture_among(&networks, &config(&json!({"model": "pointwise", "constant": true}))).unwrap();
        assert_eq!(found.name, "Pointwise");
        let expected = json!({"in_channels": 3, "out_channels": 2, "with_bias": true});
        assert_eq!(Value::Object(found.arguments.clone()), expected);
        let variables = tch::nn::VarStore::new(Device::Cpu);
        networks[1].build(&variables.root(), &found.arguments).unwrap();
        assert_eq!(variables.len(), 2);

        let errors = [
            (
                json!({"model": "Pointwise", "norm": "batch"}),
                "model_hyp.norm is not an argument of Pointwise; its keys are in_channels, out_channels, with_bias (or constant)",
            ),
            (
                json!({"model": "Pointwise", "with_bias": 1}),
                "model_hyp.with_bias is 1; it must be true or false",
            ),
            (
                json!({"model": "Pointwise", "constant": 1}),
                "model_hyp.constant is 1; it must be true or false",
            ),
            (
                json!({"model": "Pointwise", "in_channels": 4}),
                "model_hyp.in_channels is 4; it must be in [1, 3]",
            ),
            (
                json!({"model": "VNet"}),
                "model_hyp.model is 'VNet', which is not a network; the networks are UNet, Pointwise",
            ),
        ];
        for (changes, expected) in errors {
            let error = architecture_among(&networks, &config(&changes)).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_network_passes_over_the_arguments_of_others() {
        let found = architecture(&config(&json!({"model": "attentionunet"}))).unwrap();
        assert_eq!(found.name, "AttentionUnet");
        let expected = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [8, 16, 32], "strides": [2, 2],
            "kernel_size": 3, "up_kernel_size": 3, "dropout": 0.1,
        });
        assert_eq!(Value::Object(found.arguments), expected);
    }

    #[test]
    fn flexible_unet_takes_the_backbone() {
        let found = architecture(&config(&json!({"model": "flexibleunet", "is_pad": false}))).unwrap();
        let expected = json!({
            "in_channels": 3, "out_channels": 2, "backbone": "efficientnet-b0", "pretrained": false,
            "decoder_channels": [256, 128, 64, 32, 16], "spatial_dims": 2,
            "norm": ["batch", {"eps": 1e-3, "momentum": 0.1}], "act": "prelu", "dropout": 0.1, "decoder_bias": false,
            "upsample": "nontrainable", "pre_conv": "default", "interp_mode": "nearest", "is_pad": false,
        });
        assert_eq!((found.name.as_str(), Value::Object(found.arguments)), ("FlexibleUNet", expected));
        let given = json!({"model": "flexibleunet", "pre_conv": null, "interp_mode": "trilinear", "backbone": "resnet50"});
        let found = architecture(&config(&given)).unwrap().arguments;
        assert_eq!((&found["pre_conv"], &found["interp_mode"]), (&Value::Null, &json!("bilinear")));
        Network::new("FlexibleUNet", &found, Device::Cpu).unwrap();
        let error = architecture(&config(&json!({"model": "flexibleunet", "backbone": "vgg"}))).unwrap_err();
        assert!(error.to_string().starts_with("model_hyp.backbone is 'vgg'; the backbones are"), "{error}");
    }

    #[test]
    fn activation_and_dropout_mean_the_same_for_every_network() {
        let renamed =
            json!({"model": "segresnet", "init_filters": 4, "norm": "batch", "blocks_up": [1, 1, 2]});
        let found = architecture(&config(&renamed)).unwrap();
        let expected = json!({
            "spatial_dims": 2, "init_filters": 4, "in_channels": 3, "out_channels": 2, "dropout_prob": 0.1,
            "act": "prelu", "norm": "batch", "norm_name": "", "num_groups": 8, "use_conv_final": true,
            "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 2], "upsample_mode": "nontrainable",
        });
        assert_eq!((found.name.as_str(), Value::Object(found.arguments)), ("SegResNet", expected));
        for name in ["BasicUNet", "BasicUNetPlusPlus"] {
            let found = architecture(&config(&json!({"model": name, "upsample": "pixelshuffle"}))).unwrap();
            assert_eq!(found.name, name);
            let values = ["act", "dropout", "upsample"].map(|key| found.arguments[key].clone());
            assert_eq!(values, [json!("prelu"), json!(0.1), json!("pixelshuffle")]);
            assert_eq!(found.arguments["features"], json!([32, 32, 64, 128, 256, 32]));
            assert_eq!(found.arguments["norm"], json!(["instance", {"affine": true}]));
        }
    }

    #[test]
    fn monais_own_names_are_keys_too_and_win() {
        let own = |name: &str, changes: &Value| {
            let mut config = config(changes);
            config.insert("model".to_owned(), name.into());
            architecture(&config).unwrap().arguments
        };
        assert_eq!(own("UNet", &json!({"act": "RELU", "activation": "ELU"}))["act"], "RELU");
        assert_eq!(own("SegResNet", &json!({"dropout_prob": 0.2}))["dropout_prob"], 0.2);
        assert_eq!(own("SegResNet", &json!({"dropout_prob": null}))["dropout_prob"], Value::Null);
        // The other name is not even checked.
        assert_eq!(own("BasicUNet", &json!({"act": "MISH", "activation": 3}))["act"], "MISH");
    }

    #[test]
    fn errors_name_the_configuration_key() {
        let cases = [
            (json!({"depth": 3}), "model_hyp.depth is not an argument of UNet; its keys are spatial_dims,"),
            (json!({"act": "RELUU"}), "model_hyp.act is 'RELUU'; the activations are ELU,"),
            (json!({"activation": "RELUU"}), "model_hyp.activation is 'RELUU'; the activations are ELU,"),
            (json!({"activation": 3}), "model_hyp.activation is 3; it must be a layer's name"),
            (
                json!({"activation": ["prelu", {"num_parameters": -3}]}),
                "model_hyp.activation.num_parameters is -3; it must be 1 or the number of channels, here 8",
            ),
            (
                json!({"strides": [2, 2], "channels": [8, 16, 32, 64]}),
                "model_hyp.strides has 2 entries; 4 channels need at least 3 (one per level but the last)",
            ),
            (
                json!({"strides": [2, "2"]}),
                "model_hyp.strides[1] is \"2\"; it must be a whole number, or a list",
            ),
            (json!({"dropout": 1.5}), "model_hyp.dropout is 1.5; it must be in [0, 1]"),
            (json!({"model": null}), "model_hyp.model is missing; the networks are UNet"),
            (json!({"model": 3}), "model_hyp.model is 3; it must be a name"),
        ];
        for (changes, expected) in cases {
            let error = architecture(&config(&changes)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let mut missing = config(&json!({}));
        missing.remove("strides");
        assert_eq!(architecture(&missing).unwrap_err().to_string(), "model_hyp.strides is missing");
    }

    #[test]
    fn each_network_has_keys_of_its_own() {
        let keys = config_keys("unet");
        for key in ["model", "activation", "act", "norm", "adn_ordering", "bias", "strides"] {
            assert!(keys.contains(&key), "{key}");
        }
        assert!(!keys.contains(&"features"));
        assert!(config_keys("BasicUNet").contains(&"features"));
        assert!(config_keys("VNet").is_empty());
    }
}
