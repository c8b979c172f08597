//! OpenVINO beside libtorch: the same logits and embeddings of all networks, at several sizes and batch sizes, and the same answers of a
//! scheduler.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bcs_contracts::PackageMetadata;
use bcs_contracts::features::Embedding;
use bcs_contracts::keys::{GRAPH_FILE, METADATA_FILE, MODEL_FILE, QUANTIZED_GRAPH_FILE};
use bcs_inference::scheduler::{self, Hooks, ModelFile, Request};
use bcs_inference::{
    Border, Engine, EngineKind, Error, GraphOutputs, Inference, Options, Precision, SlidingWindow, open,
};
use bcs_model::export::onnx;
use bcs_model::export::quantize::{Calibration, FloatGraph, Histogram};
use bcs_model::nets::Network;
use bcs_model::package::{self, Existing};
use bcs_model::weights::write_safetensors;
use image::RgbImage;
use serde_json::{Value, json};
use tch::Device;
use tokio_util::sync::CancellationToken;

/// Writes a package of a network with random parameters, with statistics as after training.
fn write(folder: &Path, name: &str, arguments: &Value, tile: [i64; 2]) {
    tch::manual_seed(3);
    let mut arguments = arguments.clone();
    for (key, value) in [("spatial_dims", 2), ("in_channels", 3), ("out_channels", 2)] {
        arguments[key] = value.into();
    }
    let network = Network::new(name, arguments.as_object().unwrap(), Device::Cpu).unwrap();
    for (name, buffer) in network.state() {
        // Means near 0, so that activations are not all below them.
        let range = [("running_mean", [-0.2, 0.2]), ("running_var", [0.5, 1.5])];
        if let Some((_, [low, high])) = range.iter().find(|(ending, _)| name.ends_with(ending)) {
            let _ = tch::no_grad(|| buffer.shallow_clone().uniform_(*low, *high));
        }
    }
    let metadata = json!({
        "version": "v1", "architecture": {"name": name, "arguments": arguments},
        "input": {"tile": tile, "scaling": {"kind": "standardize", "mean": [0.7, 0.5, 0.6], "std": [0.2, 0.25, 0.2]}},
    });
    let files = BTreeMap::from([
        (MODEL_FILE.to_owned(), write_safetensors(&network).unwrap()),
        (GRAPH_FILE.to_owned(), onnx(&network, network.accepted_size(tile)).unwrap()),
    ]);
    package::write(folder, serde_json::from_value(metadata).unwrap(), &files, Existing::Replace).unwrap();
}

fn write_unet(folder: &Path) {
    write(folder, "UNet", &json!({"channels": [4, 8, 16], "strides": [2, 2], "num_res_units": 2}), [32, 48]);
}

fn options(engine: EngineKind) -> Options {
    Options { engine, ..Options::on("cpu") }
}

fn pixels(count: usize) -> Vec<u8> {
    (0..count as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Logits of a batch.
fn logits(folder: &Path, options: &Options, shape: [usize; 3], border: &Border) -> Vec<f32> {
    run(open(folder, options).unwrap().engine().unwrap().as_mut(), shape, border).0
}

/// Logits and embeddings of a batch.
fn run(engine: &mut dyn Engine, shape: [usize; 3], border: &Border) -> (Vec<f32>, Vec<Embedding>) {
    let [count, height, width] = shape;
    let (rows, columns) = (height + border.top + border.bottom, width + border.left + border.right);
    let mut logits = vec![0.0; count * 2 * rows * columns];
    let embeddings = engine.run(&pixels(count * height * width * 3), shape, border, &mut logits).unwrap();
    (logits, embeddings)
}

/// Largest difference, relative to the largest value.
fn difference(expected: &[f32], found: &[f32]) -> f32 {
    assert_eq!(expected.len(), found.len());
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let differences = expected.iter().zip(found).map(|(expected, found)| (expected - found).abs());
    differences.fold(0.0, f32::max) / largest
}

#[test]
fn logits_and_embeddings_of_all_networks_are_those_of_libtorch() {
    let features = json!([2, 4, 6, 8, 4, 2]);
    let networks = [
        ("UNet", json!({"channels": [4, 8], "strides": [2], "num_res_units": 2}), [32, 48], [2, 2]),
        ("UNet", json!({"channels": [4, 8], "strides": [2], "act": "RELU"}), [32, 48], [2, 2]),
        (
            "UNet",
            json!({"channels": [4, 8], "strides": [2], "num_res_units": 1, "norm": "batch", "act": "LEAKYRELU"}),
            [32, 48],
            [2, 2],
        ),
        ("AttentionUnet", json!({"channels": [4, 8], "strides": [3]}), [33, 24], [3, 3]),
        ("BasicUNet", json!({"features": features, "upsample": "nontrainable"}), [32, 45], [1, 3]),
        (
            "BasicUNet",
            json!({"features": features, "upsample": "pixelshuffle", "act": "PRELU"}),
            [63, 64],
            [2, 1],
        ),
        ("BasicUNetPlusPlus", json!({"features": features, "norm": "batch"}), [33, 35], [1, 1]),
        ("SegResNet", json!({"act": "PRELU", "blocks_down": [1, 1], "blocks_up": [1]}), [16, 24], [2, 2]),
        (
            "FlexibleUNet",
            json!({"backbone": "resnet10", "decoder_channels": [16, 8, 4, 4, 4]}),
            [64, 32],
            [32, 32],
        ),
        (
            "DynUNet",
            json!({
                "kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [4, 8, 16],
            }),
            [16, 24],
            [4, 4],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments, [height, width], [rows, columns]) in networks {
        write(folder.path(), name, &arguments, [height as i64, width as i64]);
        let engine = |engine| open(folder.path(), &options(engine)).unwrap().engine().unwrap();
        let (mut torch, mut vino) = (engine(EngineKind::Libtorch), engine(EngineKind::OpenVino));
        for [height, width] in
            [[height, width], [height + rows, width + 2 * columns], [2 * height, width + 3 * columns]]
        {
            for count in [1, 3] {
                let (shape, border) = ([count, height, width], Border::default());
                let (expected, embedded) = run(torch.as_mut(), shape, &border);
                let (found, found_embedded) = run(vino.as_mut(), shape, &border);
                let logits = difference(&expected, &found);
                assert!(logits <= 1e-4, "{name} {count}×{height}×{width}: {logits}");
                assert_eq!(embedded.len(), count);
                let embeddings = difference(embedded.as_flattened(), found_embedded.as_flattened());
                assert!(embeddings <= 1e-4, "{name} {count}×{height}×{width}: {embeddings}");
            }
        }
    }
}

#[test]
fn borders_are_those_of_libtorch() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let border = Border { top: 3, bottom: 2, left: 1, right: 4, value: -0.5 };
    let logits = |engine| logits(folder.path(), &options(engine), [2, 19, 27], &border);
    let difference = difference(&logits(EngineKind::Libtorch), &logits(EngineKind::OpenVino));
    assert!(difference <= 1e-4, "{difference}");
}

#[test]
fn bfloat16_is_near() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let half = Options { precision: Precision::Bfloat16, ..options(EngineKind::OpenVino) };
    let logits = |options| logits(folder.path(), options, [1, 32, 48], &Border::default());
    let difference = difference(&logits(&options(EngineKind::Libtorch)), &logits(&half));
    assert!(difference <= 0.05, "{difference}");
}

/// Quantizes all layers of a package's graph, with ranges from one image.
fn quantized(folder: &Path, [height, width]: [usize; 2]) -> Vec<u8> {
    let metadata: PackageMetadata = read_json(&folder.join(METADATA_FILE));
    let graph = FloatGraph::read(&fs::read(folder.join(GRAPH_FILE)).unwrap()).unwrap();
    let layers = graph.layers();
    let mut inputs: Vec<String> = layers.iter().map(|layer| layer.input.clone()).collect();
    inputs.dedup();
    let file = graph.with_outputs(&inputs);
    let mut outputs = GraphOutputs::open(&file, &metadata.input.scaling, [height, width]).unwrap();
    let mut scales = BTreeMap::new();
    outputs
        .run(&pixels(height * width * 3), |output, values| {
            if let Some(input) = output.checked_sub(1) {
                let mut histogram = Histogram::default();
                histogram.add(values);
                scales.insert(inputs[input].clone(), histogram.scale(Calibration::MinMax));
            }
        })
        .unwrap();
    graph.quantized(&scales, &layers.into_iter().map(|layer| layer.name).collect()).unwrap()
}

fn root_mean_square(values: impl Iterator<Item = f32>) -> f32 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value * value));
    (sum / count).sqrt()
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_quantized_graph_is_near_and_runs_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let metadata: PackageMetadata = read_json(&folder.path().join(METADATA_FILE));
    let (_, mut files) = package::read_files(folder.path()).unwrap();
    files.insert(QUANTIZED_GRAPH_FILE.to_owned(), quantized(folder.path(), [32, 48]));
    package::write(folder.path(), metadata, &files, Existing::Replace).unwrap();
    let with = |precision| {
        let options = Options { precision, ..options(EngineKind::OpenVino) };
        let mut engine = open(folder.path(), &options).unwrap().engine().unwrap();
        run(engine.as_mut(), [1, 32, 48], &Border::default())
    };
    let ((float, embedded), (whole, whole_embedded)) = (with(Precision::Float32), with(Precision::Int8));
    for (float, whole) in [(&float[..], &whole[..]), (embedded.as_flattened(), whole_embedded.as_flattened())]
    {
        assert!(!float.is_empty() && float.len() == whole.len());
        // Of rounding in every layer: single values may be further off.
        let error = root_mean_square(float.iter().zip(whole).map(|(float, whole)| float - whole))
            / root_mean_square(float.iter().copied());
        assert!(error <= 0.1, "{error}");
        assert!(error > 0.0 || !bcs_inference::has_int8());
    }
}

#[test]
fn a_graph_without_embeddings_gives_the_same_logits() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let outputs = || {
        let mut engine = open(folder.path(), &options(EngineKind::OpenVino)).unwrap().engine().unwrap();
        run(engine.as_mut(), [2, 32, 48], &Border::default())
    };
    let (expected, embeddings) = outputs();
    assert_eq!(embeddings.len(), 2);
    // As earlier versions wrote it.
    let metadata: PackageMetadata = read_json(&folder.path().join(METADATA_FILE));
    let (_, mut files) = package::read_files(folder.path()).unwrap();
    let logits_alone = FloatGraph::read(&files[GRAPH_FILE]).unwrap().with_outputs(&[]);
    files.insert(GRAPH_FILE.to_owned(), logits_alone);
    package::write(folder.path(), metadata, &files, Existing::Replace).unwrap();
    let (found, embeddings) = outputs();
    assert!(difference(&expected, &found) <= 1e-6);
    assert!(embeddings.is_empty());
}

#[test]
fn a_layer_without_a_scale_cannot_be_quantized() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let graph = FloatGraph::read(&fs::read(folder.path().join(GRAPH_FILE)).unwrap()).unwrap();
    let layers = graph.layers().into_iter().map(|layer| layer.name).collect();
    let error = graph.quantized(&BTreeMap::new(), &layers).unwrap_err().to_string();
    assert!(error.contains("the input image of model.0.") && error.contains("no scale"), "{error}");
}

#[test]
fn models_describe_themselves_alike() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let info = |engine| open(folder.path(), &options(engine)).unwrap().info;
    let (torch, vino) = (info(EngineKind::Libtorch), info(EngineKind::OpenVino));
    assert_eq!((torch.engine, vino.engine), ("libtorch", "openvino"));
    assert_eq!((&torch.version, &torch.classes, torch.tile), (&vino.version, &vino.classes, vino.tile));
    assert_eq!((torch.size_divisor, torch.min_size), (vino.size_divisor, vino.min_size));
    // The graph alone, with the description beside it.
    let alone = tempfile::tempdir().unwrap();
    for file in [GRAPH_FILE, METADATA_FILE] {
        fs::copy(folder.path().join(file), alone.path().join(file)).unwrap();
    }
    let model = open(&alone.path().join(GRAPH_FILE), &Options::on("auto")).unwrap();
    assert_eq!((model.info.engine, &model.info.version), ("openvino", &torch.version));
}

#[test]
fn a_graph_that_cannot_be_used_is_an_error_or_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let (_, mut files) = package::read_files(folder.path()).unwrap();
    let metadata = || -> bcs_contracts::PackageMetadata {
        serde_json::from_slice(&fs::read(folder.path().join(METADATA_FILE)).unwrap()).unwrap()
    };
    files.insert(GRAPH_FILE.to_owned(), b"PK\x03\x04".to_vec());
    package::write(folder.path(), metadata(), &files, Existing::Replace).unwrap();
    let error = |engine| open(folder.path(), &options(engine)).unwrap_err().to_string();
    assert!(error(EngineKind::OpenVino).contains("not an ONNX file"));
    assert_eq!(open(folder.path(), &options(EngineKind::Auto)).unwrap().info.engine, "libtorch");
    // A package of an older version has none.
    files.remove(GRAPH_FILE);
    let mut metadata = metadata();
    metadata.files.clear();
    package::write(folder.path(), metadata, &files, Existing::Replace).unwrap();
    assert!(error(EngineKind::OpenVino).contains("with a model.onnx"), "{}", error(EngineKind::OpenVino));
    assert_eq!(open(folder.path(), &options(EngineKind::Auto)).unwrap().info.engine, "libtorch");
    let on_gpu = Options { device: "cuda:0".to_owned(), ..options(EngineKind::OpenVino) };
    write_unet(folder.path());
    assert!(open(folder.path(), &on_gpu).unwrap_err().to_string().contains("not on the device 'cuda:0'"));
}

#[test]
fn compiled_graphs_are_kept_in_a_folder() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_unet(folder.path());
    let kept = Options { cache: Some(cache.path().to_owned()), ..options(EngineKind::OpenVino) };
    let logits = || logits(folder.path(), &kept, [1, 32, 48], &Border::default());
    let compiled = logits();
    let files = || fs::read_dir(cache.path().join("openvino")).unwrap().count();
    let count = files();
    assert!(count > 0);
    assert_eq!((logits() == compiled, files()), (true, count));
}

/// Starts a scheduler and waits until it is ready.
fn start(folder: &Path, engine: EngineKind) -> Inference {
    let source = ModelFile { path: folder.to_owned(), options: options(engine) };
    let (ready, health) = mpsc::channel();
    let hooks = Hooks { health: Box::new(move |health| drop(ready.send(health))), ..Hooks::default() };
    let (window, workers) =
        (SlidingWindow { batch: 3, ..SlidingWindow::default() }, NonZeroUsize::new(2).unwrap());
    let inference = Inference::start(
        source,
        scheduler::Options { window, workers, ..scheduler::Options::default() },
        hooks,
    );
    health.recv().unwrap().unwrap();
    inference
}

fn request(image: &RgbImage) -> Request {
    Request {
        image: image.clone().into(),
        token: CancellationToken::new(),
        deadline: None,
        held: Arc::new(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_gives_the_answers_of_libtorch_and_cancels() {
    let folder = tempfile::tempdir().unwrap();
    write_unet(folder.path());
    let images: Vec<RgbImage> = [(48, 32), (150, 90), (40, 33), (20, 17)]
        .into_iter()
        .map(|(width, height)| {
            RgbImage::from_raw(width, height, pixels((width * height * 3) as usize)).unwrap()
        })
        .collect();
    let mut answers = Vec::new();
    for engine in [EngineKind::Libtorch, EngineKind::OpenVino] {
        let inference = start(folder.path(), engine);
        let model = inference.current().unwrap();
        let running = images.iter().map(|image| inference.segment(&model, request(image)));
        let segmented = futures_util::future::join_all(running).await;
        answers.push(segmented.into_iter().map(|answer| answer.unwrap().segmentation).collect::<Vec<_>>());

        let cancelled = request(&images[1]);
        cancelled.token.cancel();
        assert!(matches!(inference.segment(&model, cancelled).await, Err(Error::Cancelled)));
        assert!(inference.segment(&model, request(&images[0])).await.is_ok());
        assert!(inference.shutdown(Instant::now() + Duration::from_secs(60)));
    }
    for (torch, vino) in answers[0].iter().zip(&answers[1]) {
        let pixels = torch.mask.len();
        let other = torch.mask.iter().zip(vino.mask.iter()).filter(|(torch, vino)| torch != vino).count();
        assert!(other * 1000 <= pixels, "{other} of {pixels} pixels have another class");
        assert!((torch.confidence - vino.confidence).abs() < 1e-3);
        let (torch, vino) = (torch.embedding.unwrap(), vino.embedding.unwrap());
        assert!(difference(&torch, &vino) <= 1e-4);
    }
}
