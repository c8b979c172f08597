//! Losses against MONAI's and PyTorch's; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;

use bcs_contracts::IGNORE;
use bcs_model::losses::{CrossEntropyLoss, Loss, build, names};
use bcs_model::weights::read_safetensors;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

/// Smaller gradients are compared absolutely: where no included class is in the truth, those of MONAI's `squared_pred` (a
/// difference of norms) are below 1e-4 with rounding errors of 3e-8.
const LEAST_GRADIENT: f64 = 1e-2;

/// A case of a golden file. `name` is the class that computed it; "on valid pixels" for a class without `ignore_index`, and
/// "with ignore_index" for the focal loss that has one.
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
        if name == "CrossEntropyLoss" {
            let label_smoothing =
                self.arguments.get("label_smoothing").map_or(0.0, |value| value.as_f64().unwrap());
            return Box::new(CrossEntropyLoss { weight, label_smoothing, ..CrossEntropyLoss::default() });
        }
        build(name.trim_end_matches("Loss"), &self.arguments, weight.as_deref(), ignore).unwrap()
    }
}

/// Compares all cases of a golden file, and returns the number of cases of each name.
fn compare(bytes: &[u8]) -> BTreeMap<String, usize> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let mut metadata: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    let cases: Vec<Case> = serde_json::from_value(metadata["cases"].take()).unwrap();
    let tensors = read_safetensors(bytes, "losses").unwrap();
    let mut compared = BTreeMap::new();
    let mut largest = [0.0_f64; 2];
    for case in cases {
        let tensor = |name: &str| &tensors[&format!("{}/{name}", case.key)];
        let logits = tensor("logits").copy().set_requires_grad(true);
        let loss = case.loss().forward(&logits, tensor("target")).unwrap();
        loss.backward();
        let differences = [
            (relative_difference(&loss, tensor("value"), 1.0), "value"),
            (relative_difference(&logits.grad(), tensor("gradient"), LEAST_GRADIENT), "gradient"),
        ];
        for ((difference, of), largest) in differences.into_iter().zip(&mut largest) {
            assert!(difference <= 1e-5, "{case:?}: the {of} differs by {difference}: {loss:?}");
            *largest = largest.max(difference);
        }
        *compared.entry(case.name).or_insert(0) += 1;
    }
    println!("largest relative differences: value {:.1e}, gradient {:.1e}", largest[0], largest[1]);
    compared
}

/// The largest difference, relative to the largest expected magnitude or `least`.
fn relative_difference(actual: &Tensor, expected: &Tensor, least: f64) -> f64 {
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    largest(&(actual - expected)) / largest(expected).max(least)
}

#[test]
fn values_and_gradients_equal_monais() {
    let compared = compare(include_bytes!("golden/losses.safetensors"));
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
fn values_and_gradients_equal_monais_for_drawn_arguments() {
    let compared = compare(include_bytes!("golden/losses_drawn.safetensors"));
    for name in names() {
        let of_name = |case: &&String| case.split("Loss").next() == Some(name);
        let families = compared.keys().filter(of_name).count();
        // With an `ignore_index`; or without, and on the valid pixels; or all ways.
        assert_eq!(families, if ["Dice", "Tversky"].contains(&name) { 1 } else { 2 }, "{name}");
    }
    assert!(compared.values().all(|count| *count == 8), "{compared:?}");
}

/// Arguments that change how pixels are summed, for a loss of this name.
fn argument_sets(name: &str) -> Vec<Value> {
    if name == "Focal" {
        return vec![
            json!({}),
            json!({"use_softmax": false, "alpha": 0.3}),
            json!({"reduction": "sum", "gamma": 0.5}),
            json!({"use_softmax": false, "reduction": "sum"}),
            json!({"include_background": false, "alpha": [0.2, 0.9]}),
        ];
    }
    let mut sets = vec![
        json!({}),
        json!({"sigmoid": true}),
        json!({"reduction": "sum", "include_background": false}),
        json!({"batch": true, "smooth_nr": 0.0, "smooth_dr": 1.0}),
    ];
    match name {
        "Dice" => sets.push(json!({"jaccard": true, "squared_pred": true})),
        "DiceCE" => sets.push(json!({"label_smoothing": 0.2, "squared_pred": true})),
        "DiceFocal" => sets.push(json!({"alpha": [0.1, 0.6, 0.8], "gamma": 0.5})),
        "GeneralizedDice" => sets.push(json!({"w_type": "simple"})),
        "GeneralizedDiceFocal" => sets.push(json!({"w_type": "uniform", "gamma": 0.5})),
        _ => sets.push(json!({"alpha": 0.2, "beta": 0.0})),
    }
    sets
}

/// Class weights that a loss of this name can have.
fn weight_sets(name: &str) -> Vec<Option<&'static [f64]>> {
    let mut sets = vec![None];
    if !["Tversky", "GeneralizedDice"].contains(&name) {
        sets.push(Some([0.0, 1.0, 3.0].as_slice()));
    }
    sets
}

/// All losses of three classes with the argument and weight sets, with a description.
fn all_losses() -> Vec<(String, Box<dyn Loss>)> {
    let mut losses = Vec::new();
    for name in names() {
        for arguments in argument_sets(name) {
            for weights in weight_sets(name) {
                for ignore in [true, false] {
                    let loss = build(name, arguments.as_object().unwrap(), weights, ignore).unwrap();
                    losses.push((format!("{name} {arguments} {weights:?} {ignore}"), loss));
                }
            }
        }
    }
    losses
}

fn value_and_gradient(loss: &dyn Loss, logits: &Tensor, target: &Tensor) -> (Tensor, Tensor) {
    let logits = logits.copy().set_requires_grad(true);
    let value = loss.forward(&logits, target).unwrap();
    value.backward();
    (value, logits.grad())
}

#[test]
fn a_batch_without_valid_pixels_has_no_loss_and_no_gradient() {
    let logits = Tensor::randn([2, 3, 4, 4], (Kind::Float, Device::Cpu));
    let target = Tensor::full([2, 4, 4], i64::from(IGNORE), (Kind::Int64, Device::Cpu));
    for (description, loss) in all_losses() {
        let (value, gradient) = value_and_gradient(&*loss, &logits, &target);
        assert_eq!(value.double_value(&[]), 0.0, "{description}");
        assert_eq!(gradient.abs().max().double_value(&[]), 0.0, "{description}");
    }
}

#[test]
fn a_perfect_prediction_has_a_finite_gradient() {
    let target = Tensor::from_slice(&[0_i64, 1, 2, i64::from(IGNORE)]).view([1, 2, 2]);
    let one_hot = target.clamp_max(2).one_hot(3).to_kind(Kind::Float).permute([0, 3, 1, 2]);
    for scale in [-500.0, 40.0, 500.0] {
        let logits = &one_hot * scale;
        for (description, loss) in all_losses() {
            let (value, gradient) = value_and_gradient(&*loss, &logits, &target);
            assert!(value.double_value(&[]).is_finite(), "{description}");
            assert!(gradient.abs().max().double_value(&[]).is_finite(), "{description}: {scale}");
        }
    }
}

/// Logits, a target, and for each image the positions of the pixels that are not ignored, as many in each.
#[derive(Debug)]
struct Batch {
    logits: Tensor,
    target: Tensor,
    valid: Tensor,
}

impl Batch {
    /// Draws `images` images of one row of `pixels` pixels.
    fn draw(seed: u64, images: i64, pixels: i64, valid: i64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = (images * 3 * pixels) as usize;
        let logits: Vec<f32> = (0..count).map(|_| rng.random_range(-5.0..5.0)).collect();
        let mut positions = Vec::new();
        let mut labels = vec![i64::from(IGNORE); (images * pixels) as usize];
        for image in 0..images {
            let mut order: Vec<i64> = (0..pixels).collect();
            order.shuffle(&mut rng);
            for position in &order[..valid as usize] {
                positions.push(*position);
                labels[(image * pixels + position) as usize] = rng.random_range(0..3);
            }
        }
        Self {
            logits: Tensor::from_slice(&logits).view([images, 3, 1, pixels]),
            target: Tensor::from_slice(&labels).view([images, 1, pixels]),
            valid: Tensor::from_slice(&positions).view([images, 1, valid]),
        }
    }

    /// The values `[N, C, 1, W]` of the valid pixels.
    fn crop(&self, values: &Tensor) -> Tensor {
        values.gather(3, &self.valid.unsqueeze(1).expand([-1, values.size()[1], -1, -1], false), false)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ignored pixels may lie anywhere, so that cropping here takes them out one by one.
    #[test]
    fn ignoring_pixels_equals_cropping_them(
        seed: u64,
        images in 1_i64..4,
        (pixels, valid) in (1_i64..40).prop_flat_map(|pixels| (Just(pixels), 1..=pixels)),
    ) {
        let batch = Batch::draw(seed, images, pixels, valid);
        let cropped = batch.crop(&batch.logits);
        let cropped_target = batch.crop(&batch.target.unsqueeze(1)).squeeze_dim(1);
        for (description, loss) in all_losses() {
            let (value, gradient) = value_and_gradient(&*loss, &batch.logits, &batch.target);
            let (expected, expected_gradient) = value_and_gradient(&*loss, &cropped, &cropped_target);
            let difference = relative_difference(&value, &expected, 1.0);
            prop_assert!(difference <= 1e-5, "{description}: {value:?}, cropped {expected:?}");
            let difference = relative_difference(&batch.crop(&gradient), &expected_gradient, LEAST_GRADIENT);
            prop_assert!(difference <= 1e-5, "{description}: the gradient differs by {difference}");
            let ignored = batch.target.eq(i64::from(IGNORE)).unsqueeze(1).expand_as(&gradient);
            let of_ignored = gradient.masked_select(&ignored).abs().sum(Kind::Double).double_value(&[]);
            prop_assert_eq!(of_ignored, 0.0, "{}", description);
        }
    }
}

fn build_error(name: &str, arguments: &Value, weights: Option<&[f64]>) -> String {
    build(name, arguments.as_object().unwrap(), weights, true).unwrap_err().to_string()
}

#[test]
fn wrong_arguments_are_errors_that_name_the_key() {
    let cases = [
        (
            "Lovasz",
            json!({}),
            "train_hyp.loss is 'Lovasz'; the losses are Dice, DiceCE, DiceFocal, Focal, GeneralizedDice, \
             GeneralizedDiceFocal, Tversky",
        ),
        (
            "DiceCE",
            json!({"gamma": 2}),
            "train_hyp.loss_arguments.gamma is unknown; the arguments are include_background, to_onehot_y, sigmoid, \
             softmax, reduction, smooth_nr, smooth_dr, batch, squared_pred, jaccard, lambda_dice, lambda_ce, label_smoothing",
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
        (
            "Dice",
            json!({"sigmoid": true, "softmax": true}),
            "train_hyp.loss_arguments.sigmoid is true, and softmax too; choose one of them",
        ),
        ("Tversky", json!({"softmax": false}), "train_hyp.loss_arguments.softmax is false, and sigmoid too"),
        ("Dice", json!({"to_onehot_y": false}), "train_hyp.loss_arguments.to_onehot_y is false"),
        ("Focal", json!({"to_onehot_y": false}), "train_hyp.loss_arguments.to_onehot_y is false"),
        ("Focal", json!({"reduction": "none"}), "train_hyp.loss_arguments.reduction is none"),
        (
            "Dice",
            json!({"reduction": "max"}),
            "train_hyp.loss_arguments.reduction is 'max'; it must be mean or sum",
        ),
        (
            "GeneralizedDice",
            json!({"w_type": "cube"}),
            "train_hyp.loss_arguments.w_type is 'cube'; it must be square, simple or uniform",
        ),
        ("Tversky", json!({"beta": -0.5}), "train_hyp.loss_arguments.beta is -0.5; it must be at least 0"),
        ("DiceFocal", json!({"gamma": -1}), "train_hyp.loss_arguments.gamma is -1; it must be at least 0"),
        (
            "GeneralizedDiceFocal",
            json!({"lambda_gdl": -1}),
            "train_hyp.loss_arguments.lambda_gdl is -1; it must be at least 0",
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
fn class_weights_of_a_loss_without_any_are_errors() {
    for name in ["GeneralizedDice", "tversky"] {
        let error = build_error(name, &json!({}), Some(&[1.0, 2.0]));
        assert!(error.starts_with("train_hyp.class_weights is set, but the loss"), "{error}");
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
