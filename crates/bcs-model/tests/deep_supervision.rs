//! The loss of deep supervision against MONAI's; `golden/make_golden.py` made the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;

use bcs_model::losses::{self, DeepSupervisionLoss};
use bcs_model::nets::Network;
use bcs_model::weights::read_safetensors;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

const FILE: &[u8] = include_bytes!("golden/deep_supervision.safetensors");

/// A loss of the golden file.
#[derive(Deserialize)]
struct Case {
    name: String,
    weight_mode: String,
    weights: Option<Vec<f64>>,
    outputs: usize,
}

impl Case {
    fn loss(&self) -> DeepSupervisionLoss {
        loss(&self.weight_mode, self.weights.clone())
    }
}

fn loss(mode: &str, weights: Option<Vec<f64>>) -> DeepSupervisionLoss {
    let dice = losses::build("Dice", &Map::new(), None, false).unwrap();
    DeepSupervisionLoss::new(dice, mode.parse().unwrap(), weights)
}

fn cases() -> Vec<Case> {
    let (_, header) = SafeTensors::read_metadata(FILE).unwrap();
    let mut golden: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    serde_json::from_value(golden["losses"].take()).unwrap()
}

fn difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn values_and_gradients_equal_monais() {
    let tensors: BTreeMap<String, Tensor> = read_safetensors(FILE, "golden").unwrap();
    let cases = cases();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let logits = |index: usize| {
            let logits = &tensors[&format!("{}/logits/{index}", case.name)];
            logits.copy().set_requires_grad(true)
        };
        let outputs: Vec<Tensor> = (0..case.outputs).map(logits).collect();
        let loss = case.loss().forward(&outputs, &tensors["target"]).unwrap();
        let value = &tensors[&format!("{}/value", case.name)];
        assert!(difference(&loss, value) <= 1e-5, "{}: {loss:?}, not {value:?}", case.name);
        loss.backward();
        for (index, output) in outputs.iter().enumerate() {
            let expected = &tensors[&format!("{}/gradient/{index}", case.name)];
            let scale = expected.abs().max().double_value(&[]);
            let difference = difference(&output.grad(), expected);
            assert!(difference <= 1e-5 * scale, "{} output {index}: {difference} of {scale}", case.name);
        }
    }
}

#[test]
fn a_batch_without_valid_pixels_has_zero_loss_and_gradients() {
    let target = Tensor::full([1, 8, 8], i64::from(bcs_contracts::IGNORE), (Kind::Int64, Device::Cpu));
    let logits = |side| Tensor::randn([1, 3, side, side], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let outputs = [logits(8), logits(4)];
    for mode in ["same", "exp", "two"] {
        let value = loss(mode, None).forward(&outputs, &target).unwrap();
        assert_eq!(value.double_value(&[]), 0.0, "{mode}");
        value.backward();
    }
    for output in &outputs {
        assert_eq!(output.grad().abs().max().double_value(&[]), 0.0);
    }
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let target = Tensor::zeros([1, 8, 8], (Kind::Int64, Device::Cpu));
    let none = loss("exp", None).forward(&[], &target).unwrap_err().to_string();
    assert!(none.starts_with("outputs are none"), "{none}");
    let flat = Tensor::zeros([3, 8, 8], (Kind::Float, Device::Cpu));
    let shape = loss("exp", None).forward(&[flat], &target).unwrap_err().to_string();
    assert!(shape.contains("[3, 8, 8]"), "{shape}");
    let mode = "half".parse::<losses::WeightMode>().unwrap_err().to_string();
    assert_eq!(mode, "weight_mode is 'half'; it must be same, exp or two");
}

#[test]
fn all_heads_of_a_network_learn() {
    let arguments = json!({
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "kernel_size": [3, 3, 3, 3], "strides": [1, 2, 2, 1],
        "upsample_kernel_size": [2, 2, 1], "filters": [2, 2, 2, 2], "deep_supervision": true, "deep_supr_num": 2,
    });
    let network = Network::new("DynUNet", arguments.as_object().unwrap(), Device::Cpu).unwrap();
    let image = Tensor::rand([1, 3, 16, 16], (Kind::Float, Device::Cpu));
    let outputs = network.outputs(&image, true).unwrap();
    assert_eq!((outputs.len(), network.outputs(&image, false).unwrap().len()), (3, 1));
    let target = Tensor::ones([1, 16, 16], (Kind::Int64, Device::Cpu));
    loss("exp", None).forward(&outputs, &target).unwrap().backward();
    // Each parameter under both of its names.
    assert!(network.state().values().all(|tensor| tensor.grad().defined()));
    assert_eq!(network.variables().trainable_variables().len() * 2 - 2, network.state().len());
}
