//! Each network on one image of 224 × 224 pixels, on one thread; `peer.py` does the same with MONAI.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't run must say why")]

use bcs_model::nets::{Network, names};
use divan::Bencher;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

fn main() {
    tch::set_num_threads(1);
    divan::main();
}

/// The arguments without a default, at values that MONAI's documentation and tutorials use.
fn own_arguments(name: &str) -> Value {
    match name {
        "UNet" => {
            json!({"spatial_dims": 2, "channels": [16, 32, 64, 128, 256], "strides": [2, 2, 2, 2], "num_res_units": 2})
        }
        "AttentionUnet" => {
            json!({"spatial_dims": 2, "channels": [16, 32, 64, 128, 256], "strides": [2, 2, 2, 2]})
        }
        "DynUNet" => json!({
            "spatial_dims": 2, "kernel_size": [3, 3, 3, 3, 3], "strides": [1, 2, 2, 2, 2],
            "upsample_kernel_size": [2, 2, 2, 2],
        }),
        "FlexibleUNet" => json!({"backbone": "efficientnet-b0"}),
        _ => json!({"spatial_dims": 2}),
    }
}

fn network(name: &str) -> (Network, Tensor) {
    let mut arguments = own_arguments(name);
    arguments["in_channels"] = json!(3);
    arguments["out_channels"] = json!(5);
    let network = Network::new(name, arguments.as_object().unwrap(), Device::Cpu).unwrap();
    (network, Tensor::rand([1, 3, 224, 224], (Kind::Float, Device::Cpu)))
}

#[divan::bench(args = names(), sample_count = 5, sample_size = 1)]
fn forward(bencher: Bencher, name: &str) {
    let (network, image) = network(name);
    bencher.bench_local(|| tch::no_grad(|| network.forward(&image, false).unwrap()));
}

#[divan::bench(args = names(), sample_count = 5, sample_size = 1)]
fn forward_and_backward(bencher: Bencher, name: &str) {
    let (network, image) = network(name);
    bencher.bench_local(|| {
        for mut parameter in network.variables().trainable_variables() {
            parameter.zero_grad();
        }
        network.forward(&image, true).unwrap().mean(Kind::Float).backward();
    });
}
