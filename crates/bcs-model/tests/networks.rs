//! What a network accepts: arguments and sizes, against MONAI's networks; `golden/make_golden.py` made the files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use bcs_model::nets::Network;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tch::nn::OptimizerConfig;
use tch::{Device, Kind, Tensor};

/// A network of a golden file with the shapes that MONAI's was run on, and those it refused.
#[derive(Deserialize)]
struct Sized {
    #[serde(default = "unet")]
    network: String,
    arguments: Map<String, Value>,
    shapes: Vec<[i64; 4]>,
    refused: Refused,
}

#[derive(Deserialize)]
struct Refused {
    train: Vec<[i64; 4]>,
    eval: Vec<[i64; 4]>,
}

fn run(network: &Network, shape: [i64; 4], train: bool) -> Result<Tensor, bcs_model::Error> {
    let image = Tensor::rand(shape, (Kind::Float, Device::Cpu));
    tch::no_grad(|| network.forward(&image, train))
}

fn unet() -> String {
    "UNet".to_owned()
}

fn sized() -> Vec<Sized> {
    let files = [include_str!("golden/sizes.json"), include_str!("golden/network_sizes.json")];
    let networks = files.map(|file| {
        let mut golden: Value = serde_json::from_str(file).unwrap();
        serde_json::from_value::<Vec<Sized>>(golden["networks"].take()).unwrap()
    });
    networks.into_iter().flatten().collect()
}

#[test]
fn sizes_that_monai_refuses_are_refused_and_no_others() {
    for Sized { network: name, arguments, shapes, refused } in sized() {
        let network = Network::new(&name, &arguments, Device::Cpu).unwrap();
        for (train, refused) in [(true, &refused.train), (false, &refused.eval)] {
            for shape in &shapes {
                let result = run(&network, *shape, train);
                let case = format!("{name} {arguments:?} {shape:?} train={train}");
                assert_eq!(result.is_err(), refused.contains(shape), "{case}: {result:?}");
                if let Err(error) = result {
                    let [height, width] =
                        if train { network.min_training_size() } else { network.min_size() };
                    let expected = format!("the least size is {height}×{width}");
                    assert!(error.to_string().contains(&expected), "{error}");
                }
            }
        }
    }
}

#[test]
fn the_least_size_is_the_least_that_every_image_of_at_least_it_is_accepted() {
    for Sized { network: name, arguments, shapes, refused } in sized() {
        let network = Network::new(&name, &arguments, Device::Cpu).unwrap();
        let divisor = network.size_divisor();
        for (least, refused) in
            [(network.min_training_size(), &refused.train), (network.min_size(), &refused.eval)]
        {
            let at_least = |shape: &&[i64; 4]| shape[2] >= least[0] && shape[3] >= least[1];
            assert!(shapes.iter().filter(at_least).all(|shape| !refused.contains(shape)), "{arguments:?}");
            let smallest = [1, 3, divisor[0], divisor[1]];
            assert_eq!(least != divisor, refused.contains(&smallest), "{arguments:?}: {least:?}");
        }
    }
}

#[test]
fn a_tile_of_16_pixels_is_too_small_for_the_default_strides() {
    let mut arguments = small();
    arguments.insert("channels".to_owned(), json!([2, 2, 2, 2, 2]));
    arguments.insert("strides".to_owned(), json!([2, 2, 2, 2]));
    let network = Network::new("UNet", &arguments, Device::Cpu).unwrap();
    assert_eq!(network.min_size(), [32, 32]);
    for train in [true, false] {
        let error = run(&network, [4, 3, 16, 16], train).unwrap_err().to_string();
        assert!(error.contains("[4, 3, 16, 16], which is too small; the least size is 32×32"), "{error}");
    }
    assert!(run(&network, [4, 3, 16, 32], true).is_ok());
}

#[test]
fn inputs_of_another_shape_are_errors() {
    let network = Network::new("UNet", &small(), Device::Cpu).unwrap();
    for shape in [[1, 3, 15, 16], [1, 3, 16, 15], [1, 1, 16, 16], [1, 3, 0, 16], [0, 3, 16, 16]] {
        let error = run(&network, shape, false).unwrap_err().to_string();
        assert!(error.contains("[N, 3, H, W] with H a multiple of 2 and W of 2"), "{error}");
    }
}

fn small() -> Map<String, Value> {
    let arguments = json!({
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2],
    });
    arguments.as_object().unwrap().clone()
}

fn with(name: &str, value: Value) -> Map<String, Value> {
    let mut arguments = small();
    arguments.insert(name.to_owned(), value);
    arguments
}

#[test]
fn arguments_that_do_not_fit_are_errors_that_name_them() {
    let cases = [
        ("spatial_dims", json!(3), "UNet.spatial_dims is 3; only 2 is supported"),
        ("channels", json!([4]), "UNet.channels has 1 entries; it needs 2 to 16"),
        ("channels", json!([4, 0]), "UNet.channels[1] is 0; it must be in [1, 65536]"),
        ("channels", json!([4, 9_000_000_000_000_000_000_i64]), "UNet.channels[1] is"),
        ("strides", json!([]), "UNet.strides has 0 entries; 2 channels need at least 1"),
        ("strides", json!([0]), "UNet.strides[0] is 0; it must be in [1, 1024]"),
        ("strides", json!([-2]), "UNet.strides[0] is -2"),
        ("strides", json!(2), "UNet.strides is 2; it must be a list"),
        ("kernel_size", json!(4), "UNet.kernel_size is 4; it must be odd and positive"),
        ("kernel_size", json!([3, -3]), "UNet.kernel_size is [3, -3]; both must be odd and positive"),
        ("up_kernel_size", json!(0), "UNet.up_kernel_size is 0; it must be odd and positive"),
        ("up_kernel_size", json!([3, 3, 3]), "UNet.up_kernel_size is [3,3,3]; it must be a whole number, or"),
        ("kernel_size", json!(1_000_001), "UNet.kernel_size is 1000001; it must be in [1, 1024]"),
        ("num_res_units", json!(-1), "UNet.num_res_units is -1; it must be a whole number of at least 0"),
        ("num_res_units", json!(1_000_000_000), "UNet.num_res_units is 1000000000; it must be in [0, 64]"),
        ("act", json!("RELUU"), "UNet.act is 'RELUU'; the activations are ELU,"),
        (
            "act",
            json!(["relu", {"slope": 1}]),
            "UNet.act.slope is not an argument of RELU; its arguments are inplace",
        ),
        ("act", json!(["prelu", {"num_parameters": -3}]), "UNet.act.num_parameters is -3; it must be 1 or"),
        ("act", json!(["prelu", {"num_parameters": 4}]), "UNet.act.num_parameters is 4; it must be 1 or"),
        ("act", json!(["celu", {"alpha": 0}]), "UNet.act.alpha is 0"),
        (
            "act",
            json!(["gelu", {"approximate": "x"}]),
            "UNet.act.approximate is 'x'; it must be none or tanh",
        ),
        ("act", json!(["softmax", {"dim": 4}]), "UNet.act.dim is 4; it must be in [-4, 3]"),
        (
            "norm",
            json!(["group", {"num_groups": 3}]),
            "UNet.norm.num_groups is 3, which does not divide 4 channels",
        ),
        ("norm", json!(["group", {"num_groups": -2}]), "UNet.norm.num_groups is -2"),
        ("norm", json!("group"), "UNet.norm.num_groups is missing"),
        ("norm", json!(["batch", {"num_features": -1}]), "UNet.norm.num_features is -1"),
        ("norm", json!(["batch", {"eps": 0}]), "UNet.norm.eps is 0; it must be above 0"),
        ("norm", json!(["layer", {"normalized_shape": [-1]}]), "UNet.norm.normalized_shape is [-1]"),
        ("norm", json!(["layer", {"normalized_shape": [1e6, "a"]}]), "UNet.norm.normalized_shape is"),
        ("norm", json!(["localresponse", {"size": 0}]), "UNet.norm.size is 0"),
        ("adn_ordering", json!("NDX"), "UNet.adn_ordering is 'NDX'; its letters must be A, D and N"),
        ("adn_ordering", json!("NN"), "UNet.adn_ordering is 'NN', which has N twice"),
        ("dropout", json!(1.5), "UNet.dropout is 1.5; it must be in [0, 1]"),
        ("dropout", json!(["dropout", {"p": -1}]), "UNet.dropout is -1; it must be in [0, 1]"),
        ("dropout", json!([0.1]), "UNet.dropout is [0.1]; it must be a ratio in [0, 1] or a layer"),
        ("bias", json!("no"), "UNet.bias is \"no\"; it must be true or false"),
        ("depth", json!(1), "UNet.depth is unknown; the arguments are spatial_dims,"),
        ("in_channels", json!(0), "UNet.in_channels is 0; it must be in [1, 65536]"),
    ];
    for (name, value, expected) in cases {
        let error = Network::new("UNet", &with(name, value), Device::Cpu).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{name}: {error}");
    }
    let error = Network::new("VNet", &small(), Device::Cpu).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no network 'VNet'; the networks are UNet, AttentionUnet, BasicUNet, SegResNet, BasicUNetPlusPlus, \
         FlexibleUNet"
    );
}

/// Returns the error of a network of this name with these arguments changed.
fn refusal(network: &str, changes: &Value) -> String {
    let mut arguments = json!({"spatial_dims": 2});
    if network == "AttentionUnet" {
        arguments = Value::Object(small());
    }
    let arguments = arguments.as_object_mut().unwrap();
    arguments.extend(changes.as_object().unwrap().clone());
    Network::new(network, arguments, Device::Cpu).unwrap_err().to_string()
}

#[test]
fn each_network_names_its_own_arguments_in_errors() {
    #[rustfmt::skip]
    let cases = [
        ("AttentionUnet", json!({"spatial_dims": 3}), "spatial_dims is 3; only 2 is supported"),
        ("AttentionUnet", json!({"channels": [4]}), "channels has 1 entries; it needs 2 to 16"),
        ("AttentionUnet", json!({"channels": [1, 4]}), "channels[0] is 1; it must be at least 2"),
        ("AttentionUnet", json!({"strides": []}), "strides has 0 entries; 2 channels need at least 1"),
        ("AttentionUnet", json!({"kernel_size": 2}), "kernel_size is 2; it must be odd and positive"),
        ("AttentionUnet", json!({"up_kernel_size": 2}), "up_kernel_size is 2; it must be odd and positive"),
        ("AttentionUnet", json!({"dropout": 2}), "dropout is 2; it must be in [0, 1]"),
        ("AttentionUnet", json!({"act": "RELU"}), "act is unknown; the arguments are spatial_dims,"),
        ("BasicUNet", json!({"spatial_dims": 3}), "spatial_dims is 3; only 2 is supported"),
        ("BasicUNet", json!({"features": [4, 4]}), "features has 2 entries; it needs 6: the channels of five levels"),
        ("BasicUNet", json!({"features": [1, 1, 2, 1, 2, 1]}), "features[3] is 1; it must be at least 2"),
        ("BasicUNet", json!({"features": 4}), "features is 4; it must be a list"),
        ("BasicUNet", json!({"act": "RELUU"}), "act is 'RELUU'; the activations are ELU,"),
        ("BasicUNet", json!({"upsample": "linear"}), "upsample is 'linear'; it must be deconv, deconvgroup,"),
        ("BasicUNet", json!({"upsample": 2}), "upsample is 2; it must be text"),
        ("BasicUNet", json!({"strides": [2]}), "strides is unknown; the arguments are spatial_dims,"),
        ("SegResNet", json!({"spatial_dims": 3}), "spatial_dims is 3; only 2 is supported"),
        ("SegResNet", json!({"blocks_down": []}), "blocks_down has 0 entries; it needs 1 to 16, one per level"),
        ("SegResNet", json!({"blocks_up": [1]}), "blocks_up has 1 entries; 4 levels in blocks_down need 3"),
        ("SegResNet", json!({"blocks_up": [1, 1, -1]}), "blocks_up[2] is -1; it must be a whole number of at least 0"),
        ("SegResNet", json!({"blocks_down": [1, 65, 1, 1]}), "blocks_down[1] is 65; it must be in [0, 64]"),
        ("SegResNet", json!({"init_filters": 9000}), "init_filters is 9000; it must be in [1, 8192]"),
        ("SegResNet", json!({"init_filters": 12}), "norm.num_groups is 8, which does not divide 12 channels"),
        ("SegResNet", json!({"dropout_prob": 1.5}), "dropout_prob is 1.5; it must be in [0, 1]"),
        ("SegResNet", json!({"norm_name": "batch"}), "norm_name is 'batch'; it must be empty or group"),
        ("BasicUNetPlusPlus", json!({"spatial_dims": 3}), "spatial_dims is 3; only 2 is supported"),
        ("BasicUNetPlusPlus", json!({"features": [1, 1, 2, 2, 1, 1]}), "features[4] is 1; it must be at least 2"),
        ("BasicUNetPlusPlus", json!({"deep_supervision": true}), "deep_supervision is true; only false is supported"),
    ];
    for (network, changes, expected) in cases {
        let error = refusal(network, &changes);
        assert!(error.starts_with(&format!("{network}.{expected}")), "{error}");
    }
    // MONAI's own default, three dimensions, is an error too.
    for network in ["BasicUNet", "SegResNet", "BasicUNetPlusPlus"] {
        let error = Network::new(network, &Map::new(), Device::Cpu).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{network}.spatial_dims is 3; only 2 is supported")), "{error}");
    }
}

#[test]
fn a_layer_under_two_names_is_trained_once() {
    let arguments = json!({
        "spatial_dims": 2, "init_filters": 2, "blocks_down": [1], "blocks_up": [], "act": "PRELU", "norm": "instance",
    });
    let network = Network::new("SegResNet", arguments.as_object().unwrap(), Device::Cpu).unwrap();
    let state = network.state();
    // 18 + 2 · 36 weights of 3×3 convolutions, 4 weights and 2 biases of the last one, and two activations.
    assert_eq!(network.parameters(), 18 + 2 * 36 + 4 + 2 + 2);
    let _ = tch::no_grad(|| state["act_mod.weight"].shallow_clone().fill_(0.5));
    assert_eq!(state["conv_final.1.weight"].double_value(&[0]), 0.5);
}

/// Parameters that MONAI's networks have without a part in the output: of deep supervision and of a classifier.
const UNUSED: [&str; 6] = [
    "final_conv_0_1.",
    "final_conv_0_2.",
    "final_conv_0_3.",
    "encoder._conv_head.",
    "encoder._bn1.",
    "encoder._fc.",
];

#[test]
fn training_steps_lower_the_loss_of_every_network() {
    let few = json!([4, 4, 4, 4, 4, 4]);
    let cases = [
        ("UNet", json!({"channels": [4, 8], "strides": [2]})),
        ("AttentionUnet", json!({"channels": [4, 8], "strides": [2]})),
        ("BasicUNet", json!({"features": few, "upsample": "pixelshuffle"})),
        ("SegResNet", json!({"act": "PRELU", "blocks_down": [1, 1], "blocks_up": [1]})),
        ("BasicUNetPlusPlus", json!({"features": few, "upsample": "nontrainable"})),
        ("FlexibleUNet", json!({"backbone": "efficientnet-b0", "decoder_channels": [8, 8, 8, 8, 8]})),
        ("FlexibleUNet", json!({"backbone": "resnet18", "decoder_channels": [8, 8, 8, 8, 8]})),
    ];
    tch::manual_seed(3);
    let image = Tensor::rand([2, 3, 32, 32], (Kind::Float, Device::Cpu));
    let target = image.sum_dim_intlist([1].as_slice(), false, Kind::Float).gt(1.5).to_kind(Kind::Int64);
    for (name, own) in cases {
        let mut arguments = json!({"spatial_dims": 2, "in_channels": 3, "out_channels": 2});
        let arguments = arguments.as_object_mut().unwrap();
        arguments.extend(own.as_object().unwrap().clone());
        let network = Network::new(name, arguments, Device::Cpu).unwrap();
        let mut optimizer = tch::nn::Adam::default().build(network.variables(), 1e-2).unwrap();
        let mut losses = Vec::new();
        for _ in 0..10 {
            let loss = network.forward(&image, true).unwrap().cross_entropy_loss(
                &target,
                None::<Tensor>,
                tch::Reduction::Mean,
                -100,
                0.0,
            );
            optimizer.backward_step(&loss);
            losses.push(loss.double_value(&[]));
        }
        assert!(losses[9] < 0.9 * losses[0], "{name}: {losses:?}");
        for (parameter, tensor) in network.state() {
            let is_unused = UNUSED.iter().any(|prefix| parameter.starts_with(prefix));
            let is_trainable = tensor.requires_grad();
            assert_eq!(tensor.grad().defined(), is_trainable && !is_unused, "{name}: {parameter}");
        }
    }
}

/// A layer's argument: numbers of all signs and sizes, and other types.
fn argument() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_i64..9).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from),
        prop::collection::vec((-9_i64..9).prop_map(Value::from), 0..4).prop_map(Value::from),
        prop::collection::vec(any::<i64>().prop_map(Value::from), 0..4).prop_map(Value::from),
    ]
}

#[rustfmt::skip]
const LAYERS: [&str; 24] = [
    "elu", "relu", "leakyrelu", "prelu", "relu6", "selu", "celu", "gelu", "sigmoid", "tanh", "softmax", "logsoftmax",
    "swish", "memswish", "mish", "instance", "batch", "instance_nvfuser", "localresponse", "layer", "group",
    "syncbatch", "dropout", "alphadropout",
];

#[rustfmt::skip]
const LAYER_ARGUMENTS: [&str; 20] = [
    "alpha", "negative_slope", "num_parameters", "init", "approximate", "dim", "inplace", "num_features", "affine",
    "track_running_stats", "momentum", "eps", "num_groups", "num_channels", "normalized_shape", "elementwise_affine",
    "size", "beta", "k", "p",
];

fn layer() -> impl Strategy<Value = Value> {
    let arguments = prop::collection::btree_map(prop::sample::select(&LAYER_ARGUMENTS[..]), argument(), 0..3);
    let layer =
        (prop::sample::select(&LAYERS[..]), arguments).prop_map(|(name, arguments)| json!([name, arguments]));
    prop_oneof![4 => layer, 1 => argument()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever the arguments, a network is refused or it runs; libtorch's own errors are errors too, never panics.
    #[test]
    fn random_layer_arguments_never_panic(
        name in prop::sample::select(&["act", "norm", "dropout"][..]),
        value in layer(),
        train in any::<bool>(),
    ) {
        if let Ok(network) = Network::new("UNet", &with(name, value), Device::Cpu) {
            let _ = run(&network, [2, 3, 8, 8], train);
        }
    }

    /// Sizes of convolutions likewise.
    #[test]
    fn random_sizes_never_panic(
        name in prop::sample::select(
            &["channels", "strides", "kernel_size", "up_kernel_size", "num_res_units", "in_channels", "adn_ordering"][..]
        ),
        value in argument(),
    ) {
        let fits = value.as_array().is_none_or(|list| list.iter().all(|item| item.as_i64().unwrap() < 4096));
        prop_assume!(fits && value.as_i64().is_none_or(|number| !(4096..65536).contains(&number)));
        if let Ok(network) = Network::new("UNet", &with(name, value), Device::Cpu) {
            let _ = run(&network, [1, 3, 8, 8], false);
        }
    }
}
