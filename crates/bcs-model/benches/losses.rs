//! Each loss, forward and backward, on one thread; `peer.py` does the same with MONAI.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't run must say why")]

use bcs_model::losses::{build, names};
use divan::Bencher;
use serde_json::Map;
use tch::{Device, Kind, Tensor};

const SHAPE: [i64; 4] = [8, 5, 224, 224];

fn main() {
    tch::set_num_threads(1);
    divan::main();
}

#[divan::bench(args = names(), sample_count = 20, sample_size = 1)]
fn forward_and_backward(bencher: Bencher, name: &str) {
    let [images, classes, height, width] = SHAPE;
    let mut logits = Tensor::randn(SHAPE, (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let target = Tensor::randint(classes, [images, height, width], (Kind::Int64, Device::Cpu));
    let loss = build(name, &Map::new(), None, true).unwrap();
    bencher.bench_local(|| {
        logits.zero_grad();
        loss.forward(&logits, &target).unwrap().backward();
    });
}
