//! Every argument of the sliding window against MONAI's `sliding_window_inference`, and test-time augmentation against
//! the mean over MONAI's network; `golden/golden_inferers.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use bcs_contracts::PackageMetadata;
use bcs_contracts::class::unnamed_classes;
use bcs_imaging::windows::BlendMode;
use bcs_inference::libtorch::NetworkEngine;
use bcs_inference::{Logits, Padding, SlidingWindow};
use bcs_model::nets::Network;
use bcs_model::weights::{Load, load_state};
use common::{floats, golden, largest_difference, tensors, with_prefix};
use image::RgbImage;
use image::imageops::crop_imm;
use serde::Deserialize;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

/// Largest difference from MONAI: the rounding of float32.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    arguments: Value,
    cases: BTreeMap<String, Case>,
}

/// Arguments of `sliding_window_inference`; those that are missing have MONAI's defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    size: [u32; 2],
    roi_size: [usize; 2],
    overlap: Option<PerAxis>,
    mode: Option<String>,
    sigma_scale: Option<PerAxis>,
    padding_mode: Option<String>,
    cval: Option<f32>,
    scaling: Option<Value>,
    tta: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum PerAxis {
    Both(f64),
    Each([f64; 2]),
}

impl PerAxis {
    fn values(self) -> [f64; 2] {
        match self {
            Self::Both(value) => [value; 2],
            Self::Each(values) => values,
        }
    }
}

impl Case {
    fn window(&self) -> SlidingWindow {
        let padding = match self.padding_mode.as_deref() {
            None | Some("constant") => Padding::Constant(self.cval.unwrap_or(0.0)),
            Some(mode) => mode.parse().unwrap(),
        };
        SlidingWindow {
            roi: Some(self.roi_size),
            overlap: self.overlap.map_or([0.25; 2], PerAxis::values),
            mode: self.mode.as_deref().map_or(BlendMode::Constant, |mode| mode.parse().unwrap()),
            sigma_scale: self.sigma_scale.map_or([0.125; 2], PerAxis::values),
            padding,
            batch: 3,
            tta: self.tta.as_deref().unwrap_or("none").parse().unwrap(),
        }
    }
}

fn engine(arguments: &Value, scaling: Option<&Value>, tensors: &BTreeMap<String, Tensor>) -> NetworkEngine {
    let mut input = json!({"tile": [64, 64]});
    if let Some(scaling) = scaling {
        input["scaling"] = scaling.clone();
    }
    let metadata: PackageMetadata = serde_json::from_value(json!({
        "architecture": {"name": "UNet", "arguments": arguments},
        "classes": unnamed_classes(2),
        "input": input,
    }))
    .unwrap();
    let network = Network::new("UNet", arguments.as_object().unwrap(), Device::Cpu).unwrap();
    load_state(&network, with_prefix(tensors, "state/"), Load::Strict).unwrap();
    NetworkEngine::from_parts(network, metadata, "golden".to_owned())
}

fn picture(tensor: &Tensor) -> RgbImage {
    let [height, width, _] = tensor.size()[..] else { panic!("{:?}", tensor.size()) };
    let bytes: Vec<u8> = tensor.to_kind(Kind::Uint8).flatten(0, -1).try_into().unwrap();
    RgbImage::from_raw(width as u32, height as u32, bytes).unwrap()
}

/// Returns the softmax over the classes.
fn probabilities(logits: &Logits) -> Vec<f32> {
    let classes = Tensor::from_slice(&logits.values).view([logits.classes as i64, -1]);
    floats(&classes.softmax(0, Kind::Float))
}

#[test]
fn every_argument_gives_monais_numbers() {
    let tensors = tensors("inferers.safetensors");
    let golden: Golden = serde_json::from_slice(&fs::read(golden("inferers.json")).unwrap()).unwrap();
    let image = picture(&tensors["image"]);
    let expected = with_prefix(&tensors, "case/");
    assert!(golden.cases.keys().eq(expected.keys()), "the two files differ in their cases");
    for (name, case) in &golden.cases {
        let mut engine = engine(&golden.arguments, case.scaling.as_ref(), &tensors);
        let image = crop_imm(&image, 0, 0, case.size[1], case.size[0]).to_image();
        let logits = case.window().run(&mut engine, &image).unwrap();
        let values = if case.tta.is_some() { probabilities(&logits) } else { logits.values };
        let difference = largest_difference(&values, &floats(&expected[name]));
        assert!(difference < TOLERANCE, "{name}: {difference}");
    }
}
