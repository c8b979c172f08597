//! Networks and losses against what MONAI computes; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_model::losses::{CrossEntropyLoss, DiceLoss, IGNORE, Loss, by_name};
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
        let metadata = header.metadata().clone().unwrap();
        Self {
            arguments: serde_json::from_str(&metadata["arguments"]).unwrap(),
            seed: metadata["seed"].parse().unwrap(),
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
        files.filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect();
    assert!(networks.len() >= 7);
    networks
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn logits_are_monais() {
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

/// One test, one thread: the generator that is seeded belongs to the process.
#[test]
fn the_same_seed_gives_monais_parameters() {
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
fn weights_that_do_not_fit_are_named_and_nothing_is_loaded() {
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
fn a_lightning_prefix_is_seen_through() {
    let golden = Golden::read(&golden_networks()[0]);
    let network = Network::new("UNet", &golden.arguments, Device::Cpu).unwrap();
    let prefixed = golden.state("state/").into_iter().map(|(name, tensor)| (format!("model.{name}"), tensor));
    load_state(&network, prefixed.collect()).unwrap();
    let (name, tensor) = network.state().pop_first().unwrap();
    assert!(tensor.equal(&golden.tensors[&format!("state/{name}")]));
}

#[test]
fn impossible_arguments_are_named() {
    let base = || {
        let arguments = serde_json::json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2],
        });
        arguments.as_object().unwrap().clone()
    };
    let cases = [
        ("spatial_dims", serde_json::json!(3), "spatial_dims"),
        ("channels", serde_json::json!([4]), "two levels"),
        ("strides", serde_json::json!([]), "strides"),
        ("kernel_size", serde_json::json!(4), "odd"),
        ("act", serde_json::json!("RELUU"), "LEAKYRELU"),
        ("act", serde_json::json!(["relu", {"slope": 1}]), "slope"),
        ("norm", serde_json::json!(["group", {"num_groups": 3}]), "divide"),
        ("norm", serde_json::json!("group"), "num_groups"),
        ("adn_ordering", serde_json::json!("NDX"), "NDX"),
        ("dropout", serde_json::json!(1.5), "1.5"),
        ("depth", serde_json::json!(1), "depth"),
        ("in_channels", serde_json::json!(0), "at least 1"),
    ];
    for (name, value, expected) in cases {
        let mut arguments = base();
        arguments.insert(name.to_owned(), value);
        let error = Network::new("UNet", &arguments, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    let error = Network::new("VNet", &base(), Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("VNet") && error.contains("UNet"), "{error}");
    let network = Network::new("UNet", &base(), Device::Cpu).unwrap();
    let image = Tensor::zeros([1, 3, 15, 16], (Kind::Float, Device::Cpu));
    let error = network.forward(&image, false).unwrap_err().to_string();
    assert!(error.contains("multiple of 2"), "{error}");
}

#[test]
fn losses_are_monais() {
    let text = include_str!("golden/losses.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let mut compared = 0;
    for case in golden["cases"].as_array().unwrap() {
        let numbers = |name: &str| -> Vec<f64> { serde_json::from_value(case[name].clone()).unwrap() };
        let shape: Vec<i64> = serde_json::from_value(case["shape"].clone()).unwrap();
        let logits = Tensor::from_slice(&numbers("logits")).to_kind(Kind::Float).view(shape.as_slice());
        let target =
            Tensor::from_slice(&numbers("target")).to_kind(Kind::Int64).view([shape[0], shape[2], shape[3]]);
        let weight: Option<Vec<f64>> = serde_json::from_value(case["weight"].clone()).unwrap();
        for (name, expected) in case["losses"].as_object().unwrap() {
            let loss: Box<dyn Loss> = match name.as_str() {
                "Dice" => Box::new(DiceLoss { weight: weight.clone(), ..DiceLoss::default() }),
                "CrossEntropy" => Box::new(CrossEntropyLoss { weight: weight.clone() }),
                name => by_name(name, weight.as_deref()).unwrap(),
            };
            let value = loss.forward(&logits, &target).unwrap().double_value(&[]);
            let expected = expected.as_f64().unwrap();
            assert!(
                (value - expected).abs() <= 1e-6 * expected.abs().max(1.0),
                "{name}: {value}, MONAI {expected}"
            );
            compared += 1;
        }
    }
    assert!(compared >= 20);
}

#[test]
fn where_nobody_judged_there_is_no_loss_and_no_gradient() {
    for name in bcs_model::losses::NAMES {
        let logits = Tensor::randn([2, 3, 4, 4], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let target = Tensor::full([2, 4, 4], IGNORE, (Kind::Int64, Device::Cpu));
        let loss = by_name(name, None).unwrap().forward(&logits, &target).unwrap();
        assert_eq!(loss.double_value(&[]), 0.0, "{name}");
        loss.backward();
        assert_eq!(logits.grad().abs().max().double_value(&[]), 0.0, "{name}");
    }
}
