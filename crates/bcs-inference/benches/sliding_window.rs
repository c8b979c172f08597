//! Sliding-window inference of an image of 1024 × 1536 pixels with a small network, on one thread; `peer.py` does the same
//! with MONAI.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't run must say why")]

use bcs_contracts::PackageMetadata;
use bcs_contracts::class::unnamed_classes;
use bcs_imaging::windows::BlendMode;
use bcs_inference::SlidingWindow;
use bcs_inference::libtorch::NetworkEngine;
use bcs_model::nets::Network;
use divan::Bencher;
use image::RgbImage;
use serde_json::json;
use tch::Device;

fn main() {
    tch::set_num_threads(1);
    divan::main();
}

/// A UNet of two levels, so that cutting and blending are a share of the time that can be seen.
fn engine() -> NetworkEngine {
    let arguments = json!({
        "spatial_dims": 2, "in_channels": 3, "out_channels": 5, "channels": [4, 8], "strides": [2],
    });
    let network = Network::new("UNet", arguments.as_object().unwrap(), Device::Cpu).unwrap();
    let architecture = json!({"architecture": {"name": "UNet", "arguments": arguments}});
    let mut metadata: PackageMetadata = serde_json::from_value(architecture).unwrap();
    metadata.classes = unnamed_classes(5);
    NetworkEngine::from_parts(network, metadata, String::new())
}

fn run(bencher: Bencher, mode: BlendMode) {
    let mut engine = engine();
    let image = RgbImage::from_fn(1536, 1024, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let window = SlidingWindow { mode, batch: 4, ..SlidingWindow::default() };
    bencher.bench_local(|| window.run(&mut engine, &image).unwrap());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn constant(bencher: Bencher) {
    run(bencher, BlendMode::Constant);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn gaussian(bencher: Bencher) {
    run(bencher, BlendMode::Gaussian);
}
