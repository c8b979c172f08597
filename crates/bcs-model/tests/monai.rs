//! Networks against MONAI's, and their weights; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;
use std::path::Path;

use bcs_model::nets::Network;
use bcs_model::weights::{Load, load_state, read_safetensors, write_safetensors};
use safetensors::SafeTensors;
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

/// A golden file of a network.
struct Golden {
    file: String,
    network: String,
    arguments: Map<String, Value>,
    seed: i64,
    tensors: BTreeMap<String, Tensor>,
}

impl Golden {
    /// Returns `None` for a file that is not of a network.
    fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata: Value = serde_json::from_str(header.metadata().as_ref()?.get("golden")?).unwrap();
        Some(Self {
            file: path.file_name().unwrap().to_str().unwrap().to_owned(),
            network: metadata["network"].as_str().unwrap_or("UNet").to_owned(),
            arguments: metadata["arguments"].as_object()?.clone(),
            seed: metadata["seed"].as_i64()?,
            tensors: read_safetensors(&bytes, "golden").unwrap(),
        })
    }

    fn network(&self) -> Network {
        Network::new(&self.network, &self.arguments, Device::Cpu).unwrap()
    }

    fn state(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let strip = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone()))
        };
        self.tensors.iter().filter_map(strip).collect()
    }
}

/// Networks, and how many golden files each has.
const CASES: [(&str, usize); 6] = [
    ("UNet", 9),
    ("AttentionUnet", 3),
    ("BasicUNet", 4),
    ("SegResNet", 4),
    ("BasicUNetPlusPlus", 4),
    ("DynUNet", 8),
];

/// Folder of further networks, drawn at random by `golden/draw.py`.
const DRAWN: &str = "BCS_DRAWN";

fn golden_networks() -> Vec<Golden> {
    let mut networks = networks_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
    for (name, count) in CASES {
        assert_eq!(networks.iter().filter(|golden| golden.network == name).count(), count, "{name}");
    }
    if let Some(folder) = std::env::var_os(DRAWN) {
        networks.extend(networks_in(Path::new(&folder)));
    }
    networks
}

fn networks_in(folder: &Path) -> Vec<Golden> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tensors = files.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    tensors.filter_map(|path| Golden::read(&path)).collect()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// The largest difference relative to the largest expected magnitude.
fn relative_difference(logits: &Tensor, expected: &Tensor) -> f64 {
    largest_difference(logits, expected) / expected.abs().max().double_value(&[])
}

#[test]
fn logits_equal_monais() {
    for golden in golden_networks() {
        let network = golden.network();
        load_state(&network, golden.state("state/"), Load::Strict).unwrap();
        let logits = tch::no_grad(|| network.forward(&golden.tensors["input"], false)).unwrap();
        let difference = relative_difference(&logits, &golden.tensors["logits"]);
        assert!(difference <= 1e-5, "{}: differs by {difference}", golden.file);
    }
}

#[test]
fn a_forward_pass_in_training_gives_monais_logits_and_running_statistics() {
    let mut buffers = 0;
    for golden in golden_networks() {
        let mut expected = golden.state("trained/");
        let Some(expected_logits) = expected.remove("logits") else { continue };
        let network = golden.network();
        load_state(&network, golden.state("state/"), Load::Strict).unwrap();
        let logits = tch::no_grad(|| network.forward(&golden.tensors["input"], true)).unwrap();
        let difference = relative_difference(&logits, &expected_logits);
        assert!(difference <= 1e-4, "{}: differs by {difference}", golden.file);
        let state = network.state();
        for (name, buffer) in &expected {
            let difference = largest_difference(&state[name], buffer);
            let scale = buffer.abs().max().double_value(&[]).max(1.0);
            assert!(difference <= 1e-5 * scale, "{}: {name} differs by {difference}", golden.file);
        }
        buffers += expected.len();
    }
    assert!(buffers > 0);
}

#[test]
fn outputs_of_deep_supervision_equal_monais() {
    let mut compared = 0;
    for golden in golden_networks() {
        for (mode, train) in [("eval/", false), ("train/", true)] {
            let expected = golden.state(mode);
            if expected.is_empty() {
                continue;
            }
            let network = golden.network();
            load_state(&network, golden.state("state/"), Load::Strict).unwrap();
            let outputs = tch::no_grad(|| network.outputs(&golden.tensors["input"], train)).unwrap();
            assert_eq!(outputs.len(), expected.len(), "{} {mode}", golden.file);
            for (index, output) in outputs.iter().enumerate() {
                let expected = &expected[&index.to_string()];
                assert_eq!(output.size(), expected.size(), "{} {mode}{index}", golden.file);
                let difference = relative_difference(output, expected);
                assert!(difference <= 1e-4, "{} {mode}{index}: differs by {difference}", golden.file);
                compared += 1;
            }
        }
    }
    // Two DynUNets with one and two heads in training, and four columns of BasicUNetPlusPlus in both modes.
    assert_eq!(compared, (1 + 2) + (1 + 3) + (4 + 4));
}

/// A single test, because the seeded generator belongs to the process.
#[test]
fn the_same_seed_gives_the_parameters_of_monai() {
    for golden in golden_networks() {
        tch::manual_seed(golden.seed);
        let network = golden.network();
        let (ours, monais) = (network.state(), golden.state("init/"));
        assert_eq!(ours.keys().collect::<Vec<_>>(), monais.keys().collect::<Vec<_>>(), "{}", golden.file);
        for (name, tensor) in &ours {
            assert_eq!(tensor.kind(), monais[name].kind(), "{name}");
            assert!(tensor.equal(&monais[name]), "{}: {name} differs", golden.file);
        }
    }
}

#[test]
fn weights_survive_a_round_trip() {
    let golden = golden_networks().remove(0);
    let network = golden.network();
    let bytes = write_safetensors(&network).unwrap();
    let state = read_safetensors(&bytes, "bytes").unwrap();
    let other = golden.network();
    load_state(&other, state, Load::Strict).unwrap();
    for (name, tensor) in network.state() {
        assert!(tensor.equal(&other.state()[&name]), "{name}");
    }
    assert!(read_safetensors(&bytes[..bytes.len() - 7], "cut.safetensors").is_err());
}

#[test]
fn weights_that_do_not_fit_are_an_error_and_change_nothing() {
    let golden = golden_networks().remove(0);
    let network = golden.network();
    let before =
        network.state().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect::<BTreeMap<_, _>>();
    let mut state = golden.state("state/");
    let name = state.keys().find(|name| name.ends_with("conv.weight")).unwrap().clone();
    let tensor = state.remove(&name).unwrap();
    let error = load_state(&network, shallow(&state), Load::Strict).unwrap_err().to_string();
    assert!(error.contains(&format!("1 missing in the file:\n    {name}")), "{error}");
    state.insert(name.clone(), tensor.get(0));
    let error = load_state(&network, shallow(&state), Load::Strict).unwrap_err().to_string();
    assert!(error.contains(&name) && error.contains("shape"), "{error}");
    state.insert(name, tensor);
    state.insert("surplus".to_owned(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
    let error = load_state(&network, state, Load::Strict).unwrap_err().to_string();
    assert!(error.contains("1 unknown to the network:\n    surplus"), "{error}");
    for (name, tensor) in network.state() {
        assert!(tensor.equal(&before[&name]), "{name} changed");
    }
}

fn shallow(state: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    state.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

#[test]
fn a_lightning_prefix_is_removed() {
    let golden = golden_networks().remove(0);
    let network = golden.network();
    let prefixed = golden.state("state/").into_iter().map(|(name, tensor)| (format!("model.{name}"), tensor));
    load_state(&network, prefixed.collect(), Load::Strict).unwrap();
    let (name, tensor) = network.state().pop_first().unwrap();
    assert!(tensor.equal(&golden.tensors[&format!("state/{name}")]));
}
