//! FlexibleUNet against MONAI's; `golden/golden_flexible_unet.py` made the files. The networks are too large for files of
//! their parameters, so both sides draw them from the same seed, and statistics are compared.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;

use bcs_model::nets::Network;
use bcs_model::weights::{Load, load_state, read_safetensors};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

const TENSORS: &[u8] = include_bytes!("golden/flexible_unet.safetensors");

/// A network of the golden file.
#[derive(Deserialize)]
struct Case {
    name: String,
    seed: i64,
    shape: [i64; 4],
    arguments: Map<String, Value>,
    digest: String,
}

fn cases() -> Vec<Case> {
    let (_, header) = SafeTensors::read_metadata(TENSORS).unwrap();
    let mut golden: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    serde_json::from_value(golden["cases"].take()).unwrap()
}

fn build(arguments: &Map<String, Value>) -> Network {
    Network::new("FlexibleUNet", arguments, Device::Cpu).unwrap()
}

fn arguments(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// SHA-256 of the names and shapes of all tensors.
fn digest(state: &BTreeMap<String, Tensor>) -> String {
    let lines: Vec<_> = state.iter().map(|(name, tensor)| format!("{name} {:?}", tensor.size())).collect();
    Sha256::digest(lines.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Mean, standard deviation and first value of each tensor, in the order of the names.
fn statistics<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Tensor {
    let row = |tensor: &Tensor| {
        let values = tensor.to_kind(Kind::Double).flatten(0, -1);
        Tensor::stack(&[values.mean(Kind::Double), values.std(false), values.get(0)], 0)
    };
    Tensor::stack(&tensors.map(row).collect::<Vec<_>>(), 0)
}

/// The golden generator's disturbance.
fn disturb(network: &Network) {
    for tensor in network.state().values() {
        let mut tensor = tensor.detach();
        let size = tensor.size();
        if size.len() == 1 && tensor.kind() == Kind::Float {
            tensor += 0.3 * tensor.rand_like();
        } else if size.len() == 4 {
            let fan_in: i64 = size[1..].iter().product();
            tensor *= tensor.std(true).reciprocal() * (2.0 / fan_in as f64).sqrt();
        }
    }
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

/// Largest relative difference in inference.
const TOLERANCE: f64 = 1e-4;

/// Largest relative difference after a pass in training. With the instruction set and the one thread of the golden
/// generator there is none; another order of summation is amplified by dozens of batch normalizations over a few values
/// each, to 2.5e-4 with two threads.
const TRAINING_TOLERANCE: f64 = 5e-3;

/// Checks logits against every third row and column of MONAI's, relative to the largest.
fn assert_logits(network: &Network, image: &Tensor, train: bool, expected: &Tensor, case: &str) {
    let logits = tch::no_grad(|| network.forward(image, train)).unwrap();
    let sampled = logits.slice(2, None, None, 3).slice(3, None, None, 3);
    let difference = largest_difference(&sampled, expected) / expected.abs().max().double_value(&[]);
    let tolerance = if train { TRAINING_TOLERANCE } else { TOLERANCE };
    assert!(difference <= tolerance, "{case}: the logits differ by {difference}, train={train}");
}

/// A single test, because the seeded generator belongs to the process.
#[test]
fn parameters_logits_and_running_statistics_equal_monais() {
    tch::set_num_threads(1);
    let golden = read_safetensors(TENSORS, "golden").unwrap();
    for Case { name, seed, shape, arguments, digest: expected } in cases() {
        let golden = |entry: &str| &golden[&format!("{name}/{entry}")];
        tch::manual_seed(seed);
        let network = build(&arguments);
        let state = network.state();
        assert_eq!(digest(&state), expected, "{name}: names or shapes differ");
        let difference = largest_difference(&statistics(state.values()), golden("init"));
        assert!(difference <= 1e-6, "{name}: initial parameters differ by {difference}");

        tch::manual_seed(seed + 1000);
        disturb(&network);
        let image = Tensor::rand(shape, (Kind::Float, Device::Cpu));
        assert_logits(&network, &image, false, golden("logits"), &name);
        // Drop connect and dropout draw random numbers in training.
        tch::manual_seed(seed + 2000);
        assert_logits(&network, &image, true, golden("trained/logits"), &name);
        let is_buffer = |name: &&String| name.contains("running_") || name.ends_with("num_batches_tracked");
        let buffers = state.iter().filter(|(name, _)| is_buffer(name)).map(|(_, buffer)| buffer);
        let (ours, monais) = (statistics(buffers), golden("trained/buffers"));
        let difference = ((ours - monais) / monais.abs().clamp_min(1.0)).abs().max().double_value(&[]);
        assert!(difference <= TRAINING_TOLERANCE, "{name}: running statistics differ by {difference}");
    }
}

#[derive(Deserialize)]
struct Backbone {
    backbone: String,
    tensors: usize,
    parameters: usize,
    digest: String,
    encoder: f64,
    head: [f64; 4],
}

/// What `flexible_unet.json` has under this key.
fn described<T: serde::de::DeserializeOwned>(key: &str) -> Vec<T> {
    let mut golden: Value = serde_json::from_str(include_str!("golden/flexible_unet.json")).unwrap();
    serde_json::from_value(golden[key].take()).unwrap()
}

#[test]
fn every_backbone_has_monais_parameters_and_draws_as_many_random_numbers() {
    let backbones: Vec<Backbone> = described("backbones");
    assert_eq!(backbones.len(), 17);
    for expected in backbones {
        let name = &expected.backbone;
        tch::manual_seed(7);
        let network = build(&arguments(&json!({"in_channels": 3, "out_channels": 2, "backbone": name})));
        let state = network.state();
        assert_eq!((state.len(), network.parameters()), (expected.tensors, expected.parameters), "{name}");
        assert_eq!(digest(&state), expected.digest, "{name}");
        let encoder = state.iter().filter(|(name, _)| name.starts_with("encoder."));
        let sum: f64 = encoder.map(|(_, tensor)| tensor.sum(Kind::Double).double_value(&[])).sum();
        assert!((sum / expected.encoder - 1.0).abs() < 1e-7, "{name}: {sum} {}", expected.encoder);
        let head = state["segmentation_head.0.weight"].flatten(0, -1);
        for (index, value) in expected.head.into_iter().enumerate() {
            assert_eq!(head.double_value(&[index as i64]), value, "{name}");
        }
    }
}

/// A network with the size of its logits by the size of the image; none where MONAI refuses the image.
#[derive(Deserialize)]
struct Sized {
    arguments: Map<String, Value>,
    shapes: Vec<[i64; 4]>,
    train: Vec<Option<[i64; 2]>>,
    eval: Vec<Option<[i64; 2]>>,
}

#[test]
fn images_that_monai_refuses_are_refused_and_no_others() {
    for Sized { arguments, shapes, train, eval } in described::<Sized>("sizes") {
        let network = build(&arguments);
        let divisor = network.size_divisor();
        for (train, expected, least) in
            [(true, train, network.min_training_size()), (false, eval, network.min_size())]
        {
            for (shape, expected) in shapes.iter().zip(expected) {
                let image = Tensor::rand(shape, (Kind::Float, Device::Cpu));
                let logits = tch::no_grad(|| network.forward(&image, train));
                let case = format!("{arguments:?} {shape:?} train={train}");
                let size = logits.as_ref().ok().map(|logits| [logits.size()[2], logits.size()[3]]);
                assert_eq!(size, expected, "{case}: {logits:?}");
                let axes = [0, 1].map(|axis| (shape[axis + 2], divisor[axis], least[axis]));
                let is_multiple = axes.iter().all(|(side, divisor, _)| side % divisor == 0);
                if is_multiple && axes.iter().all(|(side, _, least)| side >= least) {
                    assert_eq!(size, Some([shape[2], shape[3]]), "{case}");
                }
                if let Err(error) = logits {
                    let expected = if is_multiple {
                        format!("the least size is {}×{}", least[0], least[1])
                    } else {
                        format!("with H a multiple of {} and W of {}", divisor[0], divisor[1])
                    };
                    assert!(error.to_string().contains(&expected), "{case}: {error}");
                }
            }
        }
    }
}

#[test]
fn the_divisor_is_the_encoders_largest_step_that_rounds_up() {
    for (backbone, is_pad, divisor) in [
        ("efficientnet-b0", true, 2),
        ("efficientnet-b0", false, 32),
        ("efficientnet-b1", true, 32),
        ("efficientnet-b4", true, 8),
        ("efficientnet-b7", true, 16),
        ("resnet10", true, 32),
    ] {
        let network = build(&arguments(
            &json!({"in_channels": 3, "out_channels": 2, "backbone": backbone, "is_pad": is_pad}),
        ));
        assert_eq!(network.size_divisor(), [divisor; 2], "{backbone}");
        assert_eq!(network.min_size(), [32, 32]);
        assert_eq!(network.min_training_size(), [64, 64]);
    }
}

#[test]
fn arguments_that_do_not_fit_are_errors_that_name_them() {
    let cases = [
        ("spatial_dims", json!(3), "spatial_dims is 3; only 2 is supported"),
        (
            "backbone",
            json!("vgg16"),
            "backbone is 'vgg16'; the backbones are efficientnet-b0, efficientnet-b1,",
        ),
        (
            "pretrained",
            json!(true),
            "pretrained is true, but nothing is downloaded here; set it to false and",
        ),
        (
            "decoder_channels",
            json!([8, 8, 8, 8]),
            "decoder_channels has 4 entries; it needs 5, one per decoder",
        ),
        ("decoder_channels", json!([8, 8, 1, 8, 8]), "decoder_channels[2] is 1; it must be at least 2, as"),
        ("decoder_channels", json!([8, 8, 8, 8, 0]), "decoder_channels[4] is 0; it must be in [1, 65536]"),
        (
            "norm",
            json!(["group", {"num_groups": 3}]),
            "norm.num_groups is 3, which does not divide 256 channels",
        ),
        ("act", json!("RELUU"), "act is 'RELUU'; the activations are ELU,"),
        ("dropout", json!(2), "dropout is 2; it must be in [0, 1]"),
        ("decoder_bias", json!(1), "decoder_bias is 1; it must be true or false"),
        ("upsample", json!("linear"), "upsample is 'linear'; it must be deconv, deconvgroup,"),
        ("pre_conv", json!("conv"), "pre_conv is 'conv'; it must be default, or null for none"),
        ("interp_mode", json!("cubic"), "interp_mode is 'cubic'; it must be nearest, nearest-exact, linear,"),
        (
            "features",
            json!([1]),
            "features is unknown; the arguments are in_channels, out_channels, backbone,",
        ),
    ];
    for (name, value, expected) in cases {
        let mut arguments = arguments(&json!({"in_channels": 3, "out_channels": 2, "backbone": "resnet10"}));
        arguments.insert(name.to_owned(), value);
        let error = Network::new("FlexibleUNet", &arguments, Device::Cpu).unwrap_err().to_string();
        assert!(error.starts_with(&format!("FlexibleUNet.{expected}")), "{error}");
    }
    let shuffled = json!({
        "in_channels": 3, "out_channels": 2, "backbone": "resnet10", "upsample": "pixelshuffle", "pre_conv": null,
    });
    let error = Network::new("FlexibleUNet", &arguments(&shuffled), Device::Cpu).unwrap_err().to_string();
    assert!(
        error.starts_with("FlexibleUNet.pre_conv is null; pixelshuffle needs the convolution"),
        "{error}"
    );
    let error = Network::new("FlexibleUNet", &Map::new(), Device::Cpu).unwrap_err().to_string();
    assert_eq!(error, "FlexibleUNet.in_channels is missing");
}

type Names = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<i64>>>>;

#[test]
fn an_encoders_weights_load_and_the_decoders_are_listed_as_missing() {
    let golden: Value = serde_json::from_str(include_str!("golden/encoder_names.json")).unwrap();
    let encoders: Names = ["efficientnet-b0", "resnet10"]
        .map(|backbone| (backbone.to_owned(), serde_json::from_value(golden[backbone].clone()).unwrap()))
        .into();
    for (backbone, files) in encoders {
        for (origin, shapes) in files {
            let network =
                build(&arguments(&json!({"in_channels": 3, "out_channels": 2, "backbone": backbone})));
            let file = shapes.iter().map(|(name, shape)| {
                let kind = if name.ends_with("tracked") { Kind::Int64 } else { Kind::Float };
                (name.clone(), Tensor::full(shape, 0.25, (kind, Device::Cpu)))
            });
            let loaded = load_state(&network, file.collect(), Load::Partial).unwrap();
            let state = network.state();
            let (encoder, others): (Vec<_>, Vec<_>) =
                state.keys().partition(|name| name.starts_with("encoder."));
            assert!(loaded.mismatched.is_empty(), "{origin}: {:?}", loaded.mismatched);
            let fc = |name: &String| name.ends_with("fc.weight") || name.ends_with("fc.bias");
            assert!(loaded.unknown.iter().all(fc), "{origin}: {:?}", loaded.unknown);
            assert_eq!(loaded.copied.len(), encoder.len(), "{origin}");
            assert!(loaded.missing.iter().all(|name| others.contains(&name)), "{origin}");
            let decoders = others.iter().filter(|name| !name.ends_with("num_batches_tracked"));
            assert_eq!(loaded.missing.len(), decoders.count(), "{origin}");
            for name in encoder.into_iter().filter(|name| state[*name].kind() == Kind::Float) {
                assert!(state[name].eq(0.25).all().int64_value(&[]) == 1, "{origin}: {name}");
            }
        }
    }
}

#[test]
fn a_first_convolution_of_other_channels_keeps_its_values() {
    let network = build(&arguments(&json!({"in_channels": 1, "out_channels": 2, "backbone": "resnet10"})));
    let other = build(&arguments(&json!({"in_channels": 3, "out_channels": 2, "backbone": "resnet10"})));
    let before = network.state()["encoder.conv1.weight"].copy();
    let encoder = other
        .state()
        .into_iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("encoder.")?.to_owned(), tensor)));
    let loaded = load_state(&network, encoder.collect(), Load::Partial).unwrap();
    let expected = "encoder.conv1.weight: [64, 3, 7, 7] in the file, [64, 1, 7, 7] in the network";
    assert_eq!(loaded.mismatched, [expected]);
    assert!(network.state()["encoder.conv1.weight"].equal(&before));
    let [ours, others] = [&network, &other].map(|network| network.state()["encoder.bn1.weight"].copy());
    assert!(ours.equal(&others));
}
