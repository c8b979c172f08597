//! Deep supervision against MONAI's; `golden/golden_deep_supervision.py` made the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use bcs_contracts::IGNORE;
use bcs_model::losses::{DeepSupervisionLoss, WeightMode, build};
use bcs_model::weights::read_safetensors;
use safetensors::SafeTensors;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

const GOLDEN: &[u8] = include_bytes!("golden/deep_supervision.safetensors");

fn cases() -> Vec<Value> {
    let (_, header) = SafeTensors::read_metadata(GOLDEN).unwrap();
    let metadata: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    metadata["cases"].as_array().unwrap().clone()
}

fn loss(mode: WeightMode, weights: Option<Vec<f64>>) -> DeepSupervisionLoss {
    DeepSupervisionLoss::new(build("DiceCE", &Map::new(), None, false).unwrap(), mode, weights)
}

#[test]
fn losses_and_gradients_are_those_of_monai() {
    let tensors = read_safetensors(GOLDEN, "deep supervision").unwrap();
    let cases = cases();
    assert_eq!(cases.len(), 6);
    for (case, arguments) in cases.iter().enumerate() {
        let mode = arguments.get("weight_mode").cloned().unwrap_or_else(|| "exp".into());
        let weights =
            arguments.get("weights").map(|weights| serde_json::from_value(weights.clone()).unwrap());
        let loss = loss(serde_json::from_value(mode).unwrap(), weights);
        let count = arguments["outputs"].as_u64().unwrap();
        let outputs: Vec<Tensor> = (0..count)
            .map(|index| tensors[&format!("output/{index}")].copy().set_requires_grad(true))
            .collect();
        let value = loss.forward(&outputs, &tensors["target"]).unwrap();
        value.backward();
        let expected = tensors[&format!("{case}/loss")].double_value(&[]);
        assert!((value.double_value(&[]) - expected).abs() < 1e-5 * expected, "case {case}");
        for (index, output) in outputs.iter().enumerate() {
            let expected = &tensors[&format!("{case}/gradient/{index}")];
            let difference = (output.grad() - expected).abs().max().double_value(&[]);
            let largest = expected.abs().max().double_value(&[]);
            assert!(difference <= 1e-5 * largest, "case {case}, output {index}: {difference} of {largest}");
        }
    }
}

#[test]
fn ignored_pixels_take_no_part_in_any_output() {
    let tensors = read_safetensors(GOLDEN, "deep supervision").unwrap();
    let ignored = tensors["target"].full_like(f64::from(IGNORE)).to_kind(Kind::Int64);
    let outputs: Vec<Tensor> =
        (0..3).map(|index| tensors[&format!("output/{index}")].copy().set_requires_grad(true)).collect();
    let value = loss(WeightMode::Exp, None).forward(&outputs, &ignored).unwrap();
    value.backward();
    assert_eq!(value.double_value(&[]), 0.0);
    assert!(outputs.iter().all(|output| output.grad().abs().max().double_value(&[]) == 0.0));
}
