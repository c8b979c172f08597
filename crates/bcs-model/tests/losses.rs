//! Losses against MONAI's and PyTorch's; `golden/make_golden.py` made the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;

use bcs_contracts::IGNORE;
use bcs_model::losses::{CrossEntropyLoss, DiceLoss, DiceOptions, Loss, build, names};
use bcs_model::weights::read_safetensors;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

/// A case of the golden file. `name` is the class that computed it; "on valid pixels" for a class without `ignore_index`,
/// and "with ignore_index" for the focal loss that has one.
#[derive(Debug, Deserialize)]
struct Case {
    key: String,
    name: String,
    arguments: Map<String, Value>,
    weight: Option<Vec<f64>>,
}

impl Case {
    fn loss(&self) -> Box<dyn Loss> {
        let weight = self.weight.clone();
        let (name, ignore) = match self.name.strip_suffix(" with ignore_index") {
            Some(name) => (name, true),
            None => (self.name.trim_end_matches(" on valid pixels"), false),
        };
        match name {
            "DiceLoss" => {
                let options: DiceOptions =
                    serde_json::from_value(Value::Object(self.arguments.clone())).unwrap();
                Box::new(DiceLoss { options, weight })
            }
            "CrossEntropyLoss" => {
                let label_smoothing =
                    self.arguments.get("label_smoothing").map_or(0.0, |value| value.as_f64().unwrap());
                Box::new(CrossEntropyLoss { weight, label_smoothing })
            }
            name => build(name.trim_end_matches("Loss"), &self.arguments, weight.as_deref(), ignore).unwrap(),
        }
    }
}

fn golden() -> (Vec<Case>, BTreeMap<String, Tensor>) {
    let bytes = include_bytes!("golden/losses.safetensors");
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let mut metadata: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    (
        serde_json::from_value(metadata["cases"].take()).unwrap(),
        read_safetensors(bytes, "losses.safetensors").unwrap(),
    )
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn values_and_gradients_equal_monais() {
    let (cases, tensors) = golden();
    let mut compared = BTreeMap::new();
    for case in &cases {
        let tensor = |name: &str| &tensors[&format!("{}/{name}", case.key)];
        let logits = tensor("logits").copy().set_requires_grad(true);
        let loss = case.loss().forward(&logits, tensor("target")).unwrap();
        loss.backward();
        let difference = largest_difference(&loss, tensor("value"));
        assert!(difference <= 1e-5, "{case:?}: {loss:?}, MONAI {:?}", tensor("value"));
        let difference = largest_difference(&logits.grad(), tensor("gradient"));
        assert!(difference <= 1e-5, "{case:?}: the gradient differs by {difference}");
        *compared.entry(case.name.as_str()).or_insert(0) += 1;
    }
    for (name, count) in [
        ("DiceLoss", 24),
        ("CrossEntropyLoss", 24),
        ("FocalLoss", 12),
        ("FocalLoss with ignore_index", 24),
        ("DiceCELoss", 12),
        ("DiceFocalLoss", 12),
        ("DiceCELoss on valid pixels", 12),
        ("DiceFocalLoss on valid pixels", 12),
    ] {
        assert_eq!(compared[name], count, "{name}");
    }
}

#[test]
fn a_batch_without_valid_pixels_has_no_loss_and_no_gradient() {
    let smooth = json!({"smooth_nr": 0.0, "smooth_dr": 1.0});
    for name in names() {
        for arguments in [json!({}), smooth.clone()] {
            if name == "Focal" && arguments == smooth {
                continue;
            }
            for weights in [None, Some([0.0, 1.0, 3.0].as_slice())] {
                let logits = Tensor::randn([2, 3, 4, 4], (Kind::Float, Device::Cpu)).set_requires_grad(true);
                let target = Tensor::full([2, 4, 4], i64::from(IGNORE), (Kind::Int64, Device::Cpu));
                let loss = build(name, arguments.as_object().unwrap(), weights, true).unwrap();
                let loss = loss.forward(&logits, &target).unwrap();
                assert_eq!(loss.double_value(&[]), 0.0, "{name} {arguments}");
                loss.backward();
                assert_eq!(logits.grad().abs().max().double_value(&[]), 0.0, "{name} {arguments}");
            }
        }
    }
}

#[test]
fn ignored_pixels_have_no_gradient() {
    for name in names() {
        let logits = Tensor::randn([1, 3, 2, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let target = Tensor::from_slice(&[0_i64, 1, 2, i64::from(IGNORE)]).view([1, 2, 2]);
        build(name, &Map::new(), None, true).unwrap().forward(&logits, &target).unwrap().backward();
        let gradient = logits.grad().abs();
        assert_eq!(gradient.select(2, 1).select(2, 1).max().double_value(&[]), 0.0, "{name}");
        assert!(gradient.select(2, 0).select(2, 0).max().double_value(&[]) > 0.0, "{name}");
    }
}

fn build_error(name: &str, arguments: &Value, weights: Option<&[f64]>) -> String {
    build(name, arguments.as_object().unwrap(), weights, true).unwrap_err().to_string()
}

#[test]
fn wrong_arguments_are_errors_that_name_the_key() {
    let cases = [
        ("Tversky", json!({}), "train_hyp.loss is 'Tversky'; the losses are DiceCE, DiceFocal, Focal"),
        (
            "DiceCE",
            json!({"gamma": 2}),
            "train_hyp.loss_arguments.gamma is unknown; the arguments are include_background, squared_pred, jaccard, \
             smooth_nr, smooth_dr, batch, lambda_dice, lambda_ce, label_smoothing",
        ),
        (
            "DiceCE",
            json!({"lambda_ce": -1}),
            "train_hyp.loss_arguments.lambda_ce is -1; it must be at least 0",
        ),
        (
            "DiceCE",
            json!({"label_smoothing": 2}),
            "train_hyp.loss_arguments.label_smoothing is 2; it must be in [0, 1]",
        ),
        ("DiceCE", json!({"batch": 1}), "train_hyp.loss_arguments.batch is 1; it must be true or false"),
        ("DiceFocal", json!({"smooth_dr": 0}), "train_hyp.loss_arguments.smooth_dr is 0; it must be above 0"),
        ("DiceFocal", json!({"alpha": 1.5}), "train_hyp.loss_arguments.alpha is 1.5; it must be in [0, 1]"),
        (
            "focal",
            json!({"alpha": "x"}),
            "train_hyp.loss_arguments.alpha is \"x\"; it must be a number in [0, 1]",
        ),
        (
            "focal",
            json!({"alpha": 0.5, "include_background": false}),
            "train_hyp.loss_arguments.alpha is a number, which has no effect without background",
        ),
    ];
    for (name, arguments, expected) in cases {
        let error = build_error(name, &arguments, None);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn class_weights_must_be_finite_not_negative_and_not_all_zero() {
    for weights in [[0.0, 0.0], [-1.0, 1.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
        let error = build_error("DiceCE", &json!({}), Some(&weights));
        assert!(error.starts_with("train_hyp.class_weights is"), "{error}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let loss = build("DiceCE", &Map::new(), Some(&[1.0, 2.0]), true).unwrap();
    let zeros = |shape: &[i64], kind| Tensor::zeros(shape, (kind, Device::Cpu));
    let target = zeros(&[1, 4, 4], Kind::Int64);
    for (shape, expected) in [
        (vec![1, 3, 4, 4], "has 2 entries for 3 classes"),
        (vec![1, 1, 4, 4], "at least 2"),
        (vec![1, 2, 4, 5], "target has the shape [1, 4, 4]"),
        (vec![2, 4, 4], "[N, C, H, W]"),
    ] {
        let error = loss.forward(&zeros(&shape, Kind::Float), &target).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
