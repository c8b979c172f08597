//! Models run by OpenVINO on the CPU: packages with an ONNX graph, and ONNX files with their `metadata.json` beside them.
//!
//! # Layout
//! - [`compiler`]: graphs compiled for one size of images and one number of threads
//! - [`description`]: what the ONNX file says about itself
//! - [`input`]: pixels to the graph's input
//! - [`library`]: where OpenVINO's libraries are
//! - [`outputs`]: all outputs of a graph, for calibration
//! - [`quantized`]: which graph of a package runs

mod compiler;
mod description;
mod engine;
mod input;
mod library;
mod outputs;
mod quantized;

use std::path::Path;
use std::sync::Arc;
use std::thread;

use bcs_contracts::keys::{GRAPH_FILE, METADATA_FILE, MODEL_FILE, REFERENCE_FILE, imported_version};
use bcs_contracts::{DriftReference, PackageMetadata};
use bcs_package::{name_classes, parse_json, read_file, read_listed, read_metadata, sha256, verify};
use openvino::Core;

use self::compiler::Compiler;
use self::engine::GraphWeights;
pub use self::outputs::GraphOutputs;
pub use self::quantized::has_int8;
use crate::engine::{ModelInfo, window};
use crate::error::Error;
use crate::model::{Model, has_extension};
use crate::options::{Options, Precision};

pub(crate) fn accepts(path: &Path) -> bool {
    has_extension(path, &["onnx"]) || path.join(GRAPH_FILE).is_file()
}

/// Opens a package folder with an ONNX graph, or an ONNX file with its `metadata.json` beside it. `cache` is the folder
/// that keeps compiled graphs.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Model, Error> {
    if !["cpu", "auto"].contains(&options.device.as_str()) {
        return Err(Error::Model(format!(
            "the engine openvino computes on the CPU, not on the device '{}'",
            options.device
        )));
    }
    // OpenVINO's libraries are loaded while the package is read.
    let (core, files) = thread::scope(|scope| {
        let core = scope.spawn(|| compiler::start(options));
        let files = read(path, options.precision);
        (
            core.join().unwrap_or_else(|_| Err("the thread that started OpenVINO has panicked".to_owned())),
            files,
        )
    });
    let Files { metadata, graph, reference, version } = files?;
    let metadata = PackageMetadata {
        version: if metadata.version.is_empty() { version } else { metadata.version },
        ..metadata
    };
    let model =
        core.map_err(Error::Model).and_then(|core| describe(core, metadata, &graph)).map_err(|error| {
            match error {
                Error::Model(reason) => unusable(path, &reason),
                error => error,
            }
        })?;
    Ok(model.with_reference(reference))
}

/// Opens the graph of an ONNX file that is described by the metadata of its package.
///
/// # Errors
/// [`Error::Model`].
pub fn open_graph(metadata: PackageMetadata, graph: &[u8], options: &Options) -> Result<Model, Error> {
    describe(compiler::start(options).map_err(Error::Model)?, metadata, graph)
}

fn describe(core: Core, mut metadata: PackageMetadata, graph: &[u8]) -> Result<Model, Error> {
    let shapes = description::shapes(graph).map_err(Error::Model)?;
    let compiler = Compiler::new(core, graph).map_err(Error::Model)?;
    name_classes(&mut metadata, compiler.classes())?;
    let sides = |sides: [u32; 2]| sides.map(|side| side as usize);
    let (size_divisor, min_size) = (sides(shapes.size_divisor), sides(shapes.min_size));
    let info = Arc::new(ModelInfo {
        version: metadata.version,
        architecture: metadata.architecture.name,
        classes: metadata.classes,
        tile: window(metadata.input.tile, min_size, size_divisor),
        size_divisor,
        min_size,
        mpp: metadata.input.mpp,
        device: "cpu".to_owned(),
        engine: "openvino",
    });
    let weights = GraphWeights::new(compiler, &metadata.input.scaling, Arc::clone(&info));
    Ok(Model::new(info, None, weights))
}

/// What a model consists of.
struct Files {
    metadata: PackageMetadata,
    graph: Vec<u8>,
    reference: Option<DriftReference>,
    /// Version, if the metadata have none.
    version: String,
}

fn read(path: &Path, precision: Precision) -> Result<Files, Error> {
    let name =
        path.file_stem().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned());
    if !path.is_dir() {
        let (metadata, graph) = (read_metadata(&path.with_file_name(METADATA_FILE))?, read_file(path)?);
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(expected) = metadata.files.get(file) {
            verify(path, &graph, expected)?;
        }
        let version = imported_version(&name, &sha256(&graph));
        return Ok(Files { metadata, graph, reference: None, version });
    }
    let metadata = read_metadata(&path.join(METADATA_FILE))?;
    let file = quantized::graph_file(precision, |name| metadata.files.contains_key(name));
    let graph = read_listed(path, &metadata, file)?
        .ok_or_else(|| unusable(path, &format!("'files' in {METADATA_FILE} has no checksum of {file}")))?;
    let reference = read_listed(path, &metadata, REFERENCE_FILE)?;
    let reference = reference.map(|bytes| parse_json(&bytes, &path.join(REFERENCE_FILE))).transpose()?;
    let weights = metadata.files.get(MODEL_FILE).cloned().unwrap_or_else(|| sha256(&graph));
    let version = imported_version(&name, &weights);
    Ok(Files { metadata, graph, reference, version })
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::Model(format!("{}: {reason}", path.display()))
}
