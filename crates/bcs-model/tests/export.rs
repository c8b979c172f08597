//! TorchScript archives of all networks: libtorch runs them at any size, and they read back as weights.
//! `golden/check_exports.py` does the same in Python.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use bcs_model::export::torchscript;
use bcs_model::nets::Network;
use bcs_model::weights::{Load, check_torchscript, load_state, read};
use serde_json::{Value, json};
use tch::{CModule, Device, Kind, Tensor};

fn network(name: &str, mut arguments: Value) -> Network {
    for (key, value) in [("spatial_dims", 2), ("in_channels", 3), ("out_channels", 2)] {
        arguments[key] = value.into();
    }
    let network = Network::new(name, arguments.as_object().unwrap(), Device::Cpu).unwrap();
    // Running statistics as after training.
    for (name, buffer) in network.state() {
        if name.contains("running_") {
            let _ = tch::no_grad(|| buffer.shallow_clone().uniform_(0.5, 1.5));
        }
    }
    network
}

/// Each network with the size that it is exported for.
fn networks() -> [(&'static str, Network, [i64; 2]); 7] {
    let named = |name, arguments, size| (name, network(name, arguments), size);
    let features = json!([2, 4, 6, 8, 4, 2]);
    [
        named(
            "UNet",
            json!({"channels": [4, 8], "strides": [2], "num_res_units": 2, "norm": "batch"}),
            [32, 48],
        ),
        named("AttentionUnet", json!({"channels": [4, 8], "strides": [3]}), [33, 24]),
        named("BasicUNet", json!({"features": features, "upsample": "nontrainable"}), [32, 45]),
        named(
            "BasicUNet",
            json!({"features": features, "upsample": "pixelshuffle", "act": "PRELU"}),
            [63, 64],
        ),
        named("BasicUNetPlusPlus", json!({"features": features, "norm": "batch"}), [33, 35]),
        named("SegResNet", json!({"act": "PRELU", "blocks_down": [1, 1], "blocks_up": [1]}), [16, 24]),
        named(
            "FlexibleUNet",
            json!({"backbone": "resnet10", "decoder_channels": [16, 8, 4, 4, 4]}),
            [64, 32],
        ),
    ]
}

#[test]
fn archives_give_the_networks_logits_at_any_size_and_batch_size() {
    for (name, network, [height, width]) in networks() {
        let archive = torchscript(&network, [height, width]).unwrap();
        let checked = check_torchscript(&archive).unwrap();
        let module = CModule::load_data(&mut checked.as_slice()).unwrap();
        let [rows, columns] = network.size_divisor();
        for [images, height, width] in [
            [1, height, width],
            [3, 2 * height, width],
            [1, height + rows, width + columns],
            [2, height + 3 * rows, width + 2 * columns],
            [1, height + 7 * rows, 3 * width + 5 * columns],
        ] {
            let image = Tensor::rand([images, 3, height, width], (Kind::Float, Device::Cpu));
            let _guard = tch::no_grad_guard();
            let expected = network.forward(&image, false).unwrap();
            let logits = module.forward_ts(&[&image]).unwrap();
            assert_eq!(logits.size(), expected.size(), "{name}");
            let scale = expected.abs().max().double_value(&[]);
            let difference = (&logits - &expected).abs().max().double_value(&[]) / scale;
            assert!(difference <= 1e-5, "{name} {images}×{height}×{width}: differs by {difference}");
        }
    }
}

#[test]
fn archives_hold_parameters_and_buffers_under_monais_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.pt");
    for (name, network, size) in networks() {
        std::fs::write(&path, torchscript(&network, size).unwrap()).unwrap();
        let state = read(&path).unwrap();
        assert!(state.keys().eq(network.state().keys()), "{name}");
        for (key, tensor) in network.state() {
            assert_eq!(tensor.kind(), state[&key].kind(), "{name}: {key}");
            assert!(tensor.equal(&state[&key]), "{name}: {key}");
        }
        load_state(&network, state, Load::Strict).unwrap();
    }
}

#[test]
fn a_size_that_the_network_refuses_is_an_error() {
    let (_, network, _) = networks().into_iter().next().unwrap();
    let error = torchscript(&network, [33, 32]).unwrap_err().to_string();
    assert!(error.contains("H a multiple of 2"), "{error}");
}
