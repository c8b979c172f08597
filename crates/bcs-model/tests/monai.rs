//! Networks against MONAI's, and their weights; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_model::nets::Network;
use bcs_model::weights::{load_state, read_safetensors, write_safetensors};
use safetensors::SafeTensors;
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

struct Golden {
    arguments: Map<String, Value>,
    seed: i64,
    tensors: BTreeMap<String, Tensor>,
}

impl Golden {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
        Self {
            arguments: metadata["arguments"].as_object().unwrap().clone(),
            seed: metadata["seed"].as_i64().unwrap(),
            tensors: read_safetensors(&bytes, "golden").unwrap(),
        }
    }

    fn state(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let strip = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone()))
        };
        self.tensors.iter().filter_map(strip).collect()
    }
}

fn golden_networks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let networks: Vec<_> =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("unet_")).collect();
    assert_eq!(networks.len(), 7);
    networks
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn logits_equal_monais() {
    for path in golden_networks() {
        let golden = Golden::read(&path);
        let network = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
        load_state(&network, golden.state("state/")).unwrap();
        let logits = tch::no_grad(|| network.forward(&golden.tensors["input"], false)).unwrap();
        let expected = &golden.tensors["logits"];
        let difference = largest_difference(&logits, expected);
        let scale = expected.abs().max().double_value(&[]).max(1.0);
        assert!(difference <= 1e-5 * scale, "{}: differs by {difference}", path.display());
    }
}

/// A single test, because the seeded generator belongs to the process.
#[test]
fn the_same_seed_gives_the_parameters_of_monai() {
    for path in golden_networks() {
        let golden = Golden::read(&path);
        tch::manual_seed(golden.seed);
        let network = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
        let (ours, monais) = (network.state(), golden.state("init/"));
        assert_eq!(ours.keys().collect::<Vec<_>>(), monais.keys().collect::<Vec<_>>(), "{}", path.display());
        for (name, tensor) in &ours {
            assert_eq!(tensor.kind(), monais[name].kind(), "{name}");
            assert!(tensor.equal(&monais[name]), "{}: {name} differs", path.display());
        }
    }
}

#[test]
fn weights_survive_a_round_trip() {
    let golden = Golden::read(&golden_networks()[0]);
    let network = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
    let bytes = write_safetensors(&network).unwrap();
    let state = read_safetensors(&bytes, "bytes").unwrap();
    let other = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
    load_state(&other, state).unwrap();
    for (name, tensor) in network.state() {
        assert!(tensor.equal(&other.state()[&name]), "{name}");
    }
    assert!(read_safetensors(&bytes[..bytes.len() - 7], "cut.safetensors").is_err());
}

#[test]
fn weights_that_do_not_fit_are_an_error_and_change_nothing() {
    let golden = Golden::read(&golden_networks()[0]);
    let network = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
    let before =
        network.state().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect::<BTreeMap<_, _>>();
    let mut state = golden.state("state/");
    let name = state.keys().find(|name| name.ends_with("conv.weight")).unwrap().clone();
    let tensor = state.remove(&name).unwrap();
    let error = load_state(&network, shallow(&state)).unwrap_err().to_string();
    assert!(error.contains(&format!("missing {name}")), "{error}");
    state.insert(name.clone(), tensor.get(0));
    let error = load_state(&network, shallow(&state)).unwrap_err().to_string();
    assert!(error.contains(&name) && error.contains("shape"), "{error}");
    state.insert(name, tensor);
    state.insert("surplus".to_owned(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
    let error = load_state(&network, state).unwrap_err().to_string();
    assert!(error.contains("unknown surplus"), "{error}");
    for (name, tensor) in network.state() {
        assert!(tensor.equal(&before[&name]), "{name} changed");
    }
}

fn shallow(state: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    state.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

#[test]
fn a_lightning_prefix_is_removed() {
    let golden = Golden::read(&golden_networks()[0]);
    let network = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
    let prefixed = golden.state("state/").into_iter().map(|(name, tensor)| (format!("model.{name}"), tensor));
    load_state(&network, prefixed.collect()).unwrap();
    let (name, tensor) = network.state().pop_first().unwrap();
    assert!(tensor.equal(&golden.tensors[&format!("state/{name}")]));
}
