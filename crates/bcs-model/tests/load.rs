//! Copying state dictionaries into networks: prefixes, shared tensors, other types, and what does not fit.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;
use std::path::Path;

use bcs_model::Error;
use bcs_model::nets::Network;
use bcs_model::weights::{Load, Loaded, load_state, read, read_safetensors, write_safetensors};
use serde_json::json;
use tch::{Device, Kind, Tensor};

type State = BTreeMap<String, Tensor>;

fn unet(channels: &[i64]) -> Network {
    let strides = vec![2; channels.len() - 1];
    let arguments = json!({
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": channels, "strides": strides, "norm": "batch",
    });
    Network::new("UNet", arguments.as_object().unwrap(), Device::Cpu).unwrap()
}

/// A network with a tensor that has two names: `act_mod.weight` and `conv_final.1.weight`.
fn shared() -> Network {
    let arguments = json!({
        "spatial_dims": 2, "act": "PRELU", "init_filters": 8, "blocks_down": [1], "blocks_up": [],
    });
    Network::new("SegResNet", arguments.as_object().unwrap(), Device::Cpu).unwrap()
}

/// Copies of a network's tensors, renamed, converted and filtered.
fn state(network: &Network, change: impl Fn(&str, Tensor) -> Option<(String, Tensor)>) -> State {
    let copy = |(name, tensor): (String, Tensor)| change(&name, tensor.detach().copy());
    network.state().into_iter().filter_map(copy).collect()
}

fn prefixed(network: &Network, prefix: &str) -> State {
    state(network, |name, tensor| Some((format!("{prefix}{name}"), tensor)))
}

fn strict(network: &Network, state: State) -> Result<Loaded, Error> {
    load_state(network, state, Load::Strict)
}

fn assert_equal(a: &Network, b: &Network) {
    let (a, b) = (a.state(), b.state());
    assert!(a.keys().eq(b.keys()));
    for (name, tensor) in &a {
        assert!(tensor.equal(&b[name]), "{name}");
    }
}

#[test]
fn the_prefix_of_wrappers_is_taken_off_and_the_rest_of_a_checkpoint_ignored() {
    let source = unet(&[2, 4]);
    for prefix in ["", "net.", "model.", "module.", "_model.", "module.net.", "net._orig_mod.", "segmenter."]
    {
        let mut file = prefixed(&source, prefix);
        let other = ["loss_fn.weight".to_owned(), "val_dice.total".to_owned()];
        if !prefix.is_empty() {
            file.extend(other.clone().map(|name| (name, Tensor::zeros([2], (Kind::Float, Device::Cpu)))));
        }
        let target = unet(&[2, 4]);
        let loaded = strict(&target, file).unwrap();
        assert_equal(&source, &target);
        assert_eq!(loaded.copied.len(), source.state().len());
        assert_eq!(loaded.unknown, if prefix.is_empty() { &[] } else { &other[..] }, "{prefix}");
    }
}

#[test]
fn names_under_the_prefix_must_fit() {
    let source = unet(&[2, 4]);
    let mut file = prefixed(&source, "net.");
    file.insert("net.head.weight".to_owned(), Tensor::zeros([2], (Kind::Float, Device::Cpu)));
    file.insert("loss.weight".to_owned(), Tensor::zeros([2], (Kind::Float, Device::Cpu)));
    let error = strict(&source, file).unwrap_err().to_string();
    assert!(error.contains("under the prefix 'net.'"), "{error}");
    assert!(error.contains("1 unknown to the network:\n    net.head.weight"), "{error}");
    assert!(!error.contains("loss.weight"), "{error}");
}

#[test]
fn everything_that_does_not_fit_is_listed_in_the_order_of_the_numbers() {
    let (network, wider) = (unet(&[2; 13]), unet(&[3; 13]));
    let error = strict(&network, prefixed(&wider, "")).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().filter(|line| line.contains(" in the file, ")).collect();
    let (narrow, wide) = (network.state(), wider.state());
    let differing = narrow.iter().filter(|(name, tensor)| tensor.size() != wide[*name].size()).count();
    assert!(differing > 100 && lines.len() == differing, "{error}");
    let line = "    model.0.adn.N.weight: [3] in the file, [2] in the network";
    assert!(lines.contains(&line), "{error}");

    let numbered = ["a.10.weight", "a.9.weight", "a.1.weight"];
    let zeros = || Tensor::zeros([1], (Kind::Float, Device::Cpu));
    let mut file = prefixed(&network, "");
    file.extend(numbered.map(|name| (name.to_owned(), zeros())));
    file.retain(|name, _| !name.starts_with("model.0."));
    let error = strict(&network, file).unwrap_err().to_string();
    assert!(error.contains("\n    a.1.weight\n    a.9.weight\n    a.10.weight"), "{error}");
    let missing = network.state().keys().filter(|name| name.starts_with("model.0.")).count() - 1;
    assert!(error.contains(&format!("{missing} missing in the file:\n    model.0.")), "{error}");
}

#[test]
fn partial_loading_copies_what_fits_and_names_the_rest() {
    let source = unet(&[2, 4]);
    let target = unet(&[2, 4]);
    let kept = target.state()["model.1.submodule.conv.weight"].copy();
    let mut file = prefixed(&source, "net.");
    let wrong = Tensor::zeros([9], (Kind::Float, Device::Cpu));
    file.insert("net.model.0.conv.bias".to_owned(), wrong.shallow_clone());
    file.insert("net.head.weight".to_owned(), wrong);
    assert!(file.remove("net.model.1.submodule.conv.weight").is_some());
    let loaded = load_state(&target, file, Load::Partial).unwrap();
    assert_eq!(loaded.missing, ["model.1.submodule.conv.weight"]);
    assert_eq!(loaded.unknown, ["net.head.weight"]);
    assert_eq!(loaded.mismatched, ["model.0.conv.bias: [9] in the file, [2] in the network"]);
    assert_eq!(loaded.copied.len(), source.state().len() - 2);
    let state = target.state();
    assert!(state["model.0.conv.weight"].equal(&source.state()["model.0.conv.weight"]));
    assert!(state["model.1.submodule.conv.weight"].equal(&kept));
}

#[test]
fn partial_loading_of_another_network_is_an_error() {
    let error = load_state(&unet(&[2, 4]), prefixed(&shared(), ""), Load::Partial).unwrap_err().to_string();
    assert!(error.contains("no parameter of the file fits; is it of another network"), "{error}");
}

#[test]
fn a_shared_tensor_may_be_under_any_of_its_names() {
    let source = shared();
    let names = ["act_mod.weight", "conv_final.1.weight"];
    let _ = tch::no_grad(|| source.state()[names[0]].shallow_clone().fill_(0.5));
    for absent in names {
        let file = state(&source, |name, tensor| (name != absent).then(|| (name.to_owned(), tensor)));
        let target = shared();
        let loaded = strict(&target, file).unwrap();
        assert!(loaded.missing.is_empty());
        assert_equal(&source, &target);
        assert_eq!(target.state()[absent].double_value(&[0]), 0.5);
    }
    let written = read_safetensors(&write_safetensors(&source).unwrap(), "written").unwrap();
    assert!(names.iter().all(|name| written.contains_key(*name)));
    let neither = state(&source, |name, tensor| (!names.contains(&name)).then(|| (name.to_owned(), tensor)));
    let error = strict(&source, neither).unwrap_err().to_string();
    assert!(error.contains("2 missing in the file"), "{error}");
}

#[test]
fn other_floating_point_types_are_converted_and_integers_refused() {
    let source = unet(&[2, 4]);
    for kind in [Kind::Half, Kind::BFloat16, Kind::Double] {
        let file = state(&source, |name, tensor| {
            let is_counter = tensor.kind() == Kind::Int64;
            Some((name.to_owned(), if is_counter { tensor } else { tensor.to_kind(kind) }))
        });
        let target = unet(&[2, 4]);
        strict(&target, file).unwrap();
        for (name, tensor) in source.state().into_iter().filter(|(_, tensor)| tensor.kind() == Kind::Float) {
            let expected = tensor.to_kind(kind).to_kind(Kind::Float);
            assert!(target.state()[&name].equal(&expected), "{kind:?}: {name}");
        }
    }
    let file = state(&source, |name, tensor| Some((name.to_owned(), tensor.to_kind(Kind::Int8))));
    let error = strict(&source, file).unwrap_err().to_string();
    assert!(error.contains("model.0.conv.bias: Int8 in the file, Float in the network"), "{error}");
}

#[test]
fn a_lightning_checkpoint_and_its_network_have_the_same_parameters() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pickle");
    let mut checkpoint = read(&folder.join("lightning.pt")).unwrap();
    assert!(checkpoint.remove("loss_fn.weight").is_some());
    let plain = read(&folder.join("state_dict.pt")).unwrap();
    assert!(checkpoint.keys().map(|name| name.strip_prefix("net.").unwrap()).eq(plain.keys()));
}
