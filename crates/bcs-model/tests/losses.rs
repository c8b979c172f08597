//! Losses against MONAI's and PyTorch's; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;

use bcs_contracts::IGNORE;
use bcs_model::losses::{CrossEntropyLoss, Loss, MaskedDiceLoss, MaskedLoss, build, names};
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

/// A case of a golden file. `name` is the class that computed it; "on valid pixels" for a class without `ignore_index`,
/// "with ignore_index" for one that has it, "of valid pixels" where the mask is the valid pixels, and "MaskedLoss of" the class
/// that MONAI's wrapper was given.
#[derive(Debug, Deserialize)]
struct Case {
    key: String,
    name: String,
    arguments: Map<String, Value>,
    weight: Option<Vec<f64>>,
}

impl Case {
    /// The loss of logits and target, with the mask if the case has one.
    fn forward(&self, logits: &Tensor, target: &Tensor, mask: Option<&Tensor>) -> Tensor {
        let result = match (mask, self.name.strip_prefix("MaskedLoss of ")) {
            (None, _) => self.loss(&self.name).forward(logits, target),
            (Some(mask), Some(inner)) => MaskedLoss::new(self.loss(inner)).forward(logits, target, mask),
            (Some(mask), None) => {
                MaskedDiceLoss::new(&self.arguments).unwrap().forward_masked(logits, target, mask)
            }
        };
        result.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    fn loss(&self, name: &str) -> Box<dyn Loss> {
        let weight = self.weight.clone();
        let ignore = name.ends_with(" with ignore_index");
        let class = name.split(' ').next().unwrap();
        if class == "CrossEntropyLoss" {
            let label_smoothing =
                self.arguments.get("label_smoothing").map_or(0.0, |value| value.as_f64().unwrap());
            return Box::new(CrossEntropyLoss { weight, label_smoothing, ..CrossEntropyLoss::default() });
        }
        build(class.trim_end_matches("Loss"), &self.arguments, weight.as_deref(), ignore).unwrap()
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
        let mask = tensors.get(&format!("{}/mask", case.key));
        let loss = case.forward(&logits, tensor("target"), mask);
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
    for name in names().filter(|name| *name != "MaskedDice") {
        let of_name = |case: &&String| case.split("Loss").next() == Some(name);
        let families = compared.keys().filter(of_name).count();
        // With an `ignore_index`; or without, and on the valid pixels; or all ways.
        assert_eq!(families, if ["Dice", "Tversky"].contains(&name) { 1 } else { 2 }, "{name}");
    }
    assert!(compared.values().all(|count| *count == 8), "{compared:?}");
}

#[test]
fn values_and_gradients_equal_monais_for_all_arguments_and_masks() {
    let compared = compare(include_bytes!("golden/loss_arguments.safetensors"));
    for name in names() {
        let of_name = |case: &&String| case.split("Loss").next() == Some(name);
        assert!(compared.keys().any(|case| of_name(&case)), "{name}: {compared:?}");
    }
    assert!(compared.keys().any(|case| case.starts_with("MaskedLoss of")), "{compared:?}");
    assert!(compared.contains_key("MaskedDiceLoss of valid pixels"), "{compared:?}");
}

#[test]
fn values_and_gradients_equal_monais_for_cases_of_the_user() {
    let Some(folder) = std::env::var_os("BCS_DRAWN") else {
        println!("skipped: BCS_DRAWN names no folder of cases drawn by golden/draw.py");
        return;
    };
    let cases = std::fs::read(std::path::Path::new(&folder).join("losses.safetensors")).unwrap();
    assert!(!compare(&cases).is_empty());
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
        json!({"smooth_nr": 0.0, "smooth_dr": 0.0}),
    ];
    match name {
        "Dice" | "MaskedDice" => sets.push(json!({"jaccard": true, "squared_pred": true})),
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
        // Masked pixels count as background.
        let counts_ignored = |description: &str| description.starts_with("Masked") && !description.contains("\"include_background\":false");
        let cropped = batch.crop(&batch.logits);
        let cropped_target = batch.crop(&batch.target.unsqueeze(1)).squeeze_dim(1);
        for (description, loss) in all_losses() {
            if counts_ignored(&description) {
                continue;
            }
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
             GeneralizedDiceFocal, MaskedDice, Tversky",
        ),
        (
            "DiceCE",
            json!({"gamma": 2}),
            "train_hyp.loss_arguments.gamma is unknown; the arguments are weight, include_background, to_onehot_y, \
             sigmoid, softmax, reduction, smooth_nr, smooth_dr, batch, other_act, ignore_index, squared_pred, jaccard, \
             lambda_dice, lambda_ce, label_smoothing",
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
        (
            "DiceFocal",
            json!({"smooth_dr": -1}),
            "train_hyp.loss_arguments.smooth_dr is -1; it must be at least 0",
        ),
        (
            "Dice",
            json!({"other_act": "tanh"}),
            "train_hyp.loss_arguments.other_act is \"tanh\"; a configuration has no functions",
        ),
        (
            "DiceCE",
            json!({"ignore_index": 0}),
            "train_hyp.loss_arguments.ignore_index is 0; it must be null or 255",
        ),
        ("DiceCE", json!({"soft_label": true}), "train_hyp.loss_arguments.soft_label is unknown"),
        (
            "Dice",
            json!({"weight": "x"}),
            "train_hyp.loss_arguments.weight is \"x\"; it must be a number, or a list",
        ),
        (
            "Dice",
            json!({"weight": [0, -1]}),
            "train_hyp.loss_arguments.weight is [0.0, -1.0]; weights must be at least 0",
        ),
        ("Tversky", json!({"weight": 1}), "train_hyp.loss_arguments.weight is unknown"),
        ("DiceFocal", json!({"alpha": 1.5}), "train_hyp.loss_arguments.alpha is 1.5; it must be in [0, 1]"),
        (
            "focal",
            json!({"alpha": "x"}),
            "train_hyp.loss_arguments.alpha is \"x\"; it must be a number, or a list with one per included class",
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
fn weights_from_two_keys_are_an_error() {
    let error = build_error("DiceCE", &json!({"weight": [1.0, 2.0]}), Some(&[1.0, 2.0]));
    let expected =
        "train_hyp.loss_arguments.weight is set, and train_hyp.class_weights too; leave one of them out";
    assert_eq!(error, expected);
}

#[test]
fn class_weights_and_the_argument_weight_are_the_same() {
    let batch = Batch::draw(1, 2, 30, 20);
    for (name, argument) in [
        ("Dice", json!([0.5, 2.0])),
        ("DiceCE", json!([7.0, 0.5, 2.0])),
        ("DiceFocal", json!([0.5, 2.0])),
        ("Focal", json!([0.5, 2.0])),
        ("GeneralizedDiceFocal", json!([0.5, 2.0])),
        ("MaskedDice", json!([0.5, 2.0])),
    ] {
        let mut arguments = json!({"include_background": false}).as_object().unwrap().clone();
        let by_class = build(name, &arguments, Some(&[7.0, 0.5, 2.0]), true).unwrap();
        arguments.insert("weight".to_owned(), argument);
        let by_argument = build(name, &arguments, None, true).unwrap();
        let [expected, actual] =
            [by_class, by_argument].map(|loss| value_and_gradient(&*loss, &batch.logits, &batch.target));
        assert_eq!(expected, actual, "{name}");
    }
}

#[test]
fn ignored_images_absent_classes_and_zero_smoothing_never_give_nan() {
    let logits = Tensor::randn([2, 3, 4, 4], (Kind::Float, Device::Cpu)) * 200.0;
    let target = Tensor::zeros([2, 4, 4], (Kind::Int64, Device::Cpu));
    let _ = target.get(1).fill_(i64::from(IGNORE));
    for (description, loss) in all_losses() {
        let (value, gradient) = value_and_gradient(&*loss, &logits, &target);
        assert!(value.double_value(&[]).is_finite(), "{description}");
        assert!(gradient.isfinite().all().int64_value(&[]) == 1, "{description}");
        assert_eq!(gradient.get(1).abs().max().double_value(&[]), 0.0, "{description}");
    }
}

#[test]
fn an_absent_class_without_smoothing_of_the_denominator_has_a_finite_gradient() {
    let logits = Tensor::from_slice(&[60_f32, -60.0]).view([1, 2, 1, 1]);
    let target = Tensor::zeros([1, 1, 1], (Kind::Int64, Device::Cpu));
    for name in names().filter(|name| *name != "Focal") {
        for sigmoid in [false, true] {
            let arguments = json!({"smooth_nr": 1.0, "smooth_dr": 0.0, "sigmoid": sigmoid});
            let loss = build(name, arguments.as_object().unwrap(), None, true).unwrap();
            let (_, gradient) = value_and_gradient(&*loss, &logits, &target);
            assert_eq!(gradient.isfinite().all().int64_value(&[]), 1, "{name} {arguments}");
        }
    }
}

/// The gradient is computed beside autograd; operations before and after the loss must see it.
#[test]
fn gradients_pass_through_operations_before_and_after_the_loss() {
    let batch = Batch::draw(2, 2, 30, 20);
    for (description, loss) in all_losses() {
        let (_, expected) = value_and_gradient(&*loss, &(&batch.logits * 0.5), &batch.target);
        let leaf = batch.logits.copy().set_requires_grad(true);
        (loss.forward(&(&leaf * 0.5), &batch.target).unwrap() * 6.0).backward();
        let difference = relative_difference(&leaf.grad(), &(expected * 3.0), LEAST_GRADIENT);
        assert!(difference <= 1e-6, "{description}: {difference}");
    }
}

#[test]
fn lower_precision_and_other_layouts_of_logits_are_accepted() {
    let logits = Tensor::randn([2, 3, 6, 5], (Kind::BFloat16, Device::Cpu));
    let target = Tensor::randint(3, [2, 6, 5], (Kind::Int64, Device::Cpu));
    let last = logits.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    for (description, loss) in all_losses() {
        let (expected, expected_gradient) = value_and_gradient(&*loss, &logits.to_kind(Kind::Float), &target);
        for logits in [&logits, &last] {
            let leaf = logits.detach().set_requires_grad(true);
            let value = loss.forward(&leaf, &target).unwrap();
            value.backward();
            assert!(relative_difference(&value, &expected, 1.0) <= 1e-6, "{description}");
            let difference = relative_difference(&leaf.grad(), &expected_gradient, LEAST_GRADIENT);
            assert!(difference <= 1e-2, "{description}: {difference}");
        }
    }
}

#[test]
fn the_value_is_the_same_without_autograd() {
    let batch = Batch::draw(3, 2, 30, 20);
    for (description, loss) in all_losses() {
        let (expected, _) = value_and_gradient(&*loss, &batch.logits, &batch.target);
        let value = loss.forward(&batch.logits, &batch.target).unwrap();
        assert!(!value.requires_grad() && value == expected.detach(), "{description}");
    }
}

#[test]
fn masks_of_another_shape_are_errors() {
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let (logits, target) = (zeros(&[2, 3, 4, 4]), zeros(&[2, 4, 4]).to_kind(Kind::Int64));
    let loss = MaskedDiceLoss::new(&Map::new()).unwrap();
    for shape in [vec![2, 4, 4], vec![3, 1, 4, 4], vec![2, 3, 4, 4], vec![2, 1, 4, 5]] {
        let error = loss.forward_masked(&logits, &target, &zeros(&shape)).unwrap_err().to_string();
        assert!(error.starts_with("mask has the shape"), "{error}");
    }
}

#[test]
fn a_softmax_of_one_class_is_an_error() {
    let zeros = |shape: &[i64], kind| Tensor::zeros(shape, (kind, Device::Cpu));
    let target = zeros(&[1, 4, 4], Kind::Int64);
    for name in names() {
        let loss = build(name, &Map::new(), None, true).unwrap();
        let error = loss.forward(&zeros(&[1, 1, 4, 4], Kind::Float), &target).unwrap_err().to_string();
        assert!(error.contains("1 channel") || error.contains("one class to a softmax"), "{name}: {error}");
    }
    let arguments = json!({"include_background": false});
    let loss = build("Focal", arguments.as_object().unwrap(), None, true).unwrap();
    let error = loss.forward(&zeros(&[1, 2, 4, 4], Kind::Float), &target).unwrap_err().to_string();
    assert!(error.contains("two without background"), "{error}");
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let loss = build("DiceCE", &Map::new(), Some(&[1.0, 2.0]), true).unwrap();
    let zeros = |shape: &[i64], kind| Tensor::zeros(shape, (kind, Device::Cpu));
    let target = zeros(&[1, 4, 4], Kind::Int64);
    for (shape, expected) in [
        (vec![1, 3, 4, 4], "has 2 entries for 3 classes"),
        (vec![1, 256, 4, 4], "at most 255 classes"),
        (vec![1, 2, 4, 5], "target has the shape [1, 4, 4]"),
        (vec![2, 4, 4], "[N, C, H, W]"),
    ] {
        let error = loss.forward(&zeros(&shape, Kind::Float), &target).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
