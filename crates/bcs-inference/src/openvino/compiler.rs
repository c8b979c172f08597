//! Graphs compiled for one size of images and one number of threads. A graph of a known size is the fastest, and images of
//! a batch follow each other through it: on a CPU several at once gain nothing.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;

use bcs_contracts::features::EMBEDDING_LENGTH;
use bcs_contracts::graph::EMBEDDING_OUTPUT;
use openvino::{
    CompiledModel, Core, DeviceType, InferRequest, InferenceError, PartialShape, PropertyKey, RwPropertyKey,
};

use super::library;
use crate::error::Error;
use crate::options::{Options, Precision};

/// Number of compiled graphs that are kept. A server meets one size in large images, and others in small ones.
const KEPT: usize = 8;

/// What a graph is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Number of threads of a forward pass.
    pub threads: NonZeroUsize,
}

/// Compiles a model's graph.
pub(super) struct Compiler {
    state: Mutex<State>,
    channels: usize,
    classes: usize,
    outputs: usize,
    embedding: Option<usize>,
}

struct State {
    core: Core,
    model: openvino::Model,
    /// Compiled graphs, the last used one first.
    compiled: VecDeque<(Key, CompiledModel)>,
}

impl Compiler {
    /// Reads the graph of an ONNX file.
    ///
    /// # Errors
    /// Why that is not possible.
    pub(super) fn new(core: Core, graph: &[u8]) -> Result<Self, String> {
        let compiler =
            Self::read(core, graph).map_err(|error| format!("OpenVINO can't read the graph: {error}"))?;
        match compiler.channels {
            1 | 3 => Ok(compiler),
            channels => {
                Err(format!("its graph takes {channels} channels; images have 3 (RGB) or 1 (grayscale)"))
            }
        }
    }

    fn read(mut core: Core, graph: &[u8]) -> Result<Self, InferenceError> {
        let model = core.read_model_from_buffer(graph, None)?;
        let channels = channels_of(&model.get_input_by_index(0)?.get_partial_shape()?);
        let classes = channels_of(&model.get_output_by_index(0)?.get_partial_shape()?);
        let outputs = model.get_outputs_len()?;
        let embedding = embedding_of(&model, outputs)?;
        let state = State { core, model, compiled: VecDeque::new() };
        Ok(Self { state: Mutex::new(state), channels, classes, outputs, embedding })
    }

    /// Returns the number of channels of the output.
    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the number of channels of the input.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Returns the number of outputs.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Returns the position of the output that holds embeddings; `None` if the graph gives none.
    pub(super) fn embedding(&self) -> Option<usize> {
        self.embedding
    }

    /// Returns a request to the graph that is compiled for this size and number of threads. Requests share the graph.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(super) fn request(&self, key: Key) -> Result<InferRequest, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.request(key, self.channels).map_err(|error| failed(&error))
    }
}

impl State {
    fn request(&mut self, key: Key, channels: usize) -> Result<InferRequest, InferenceError> {
        let known = self.compiled.iter().position(|(compiled, _)| *compiled == key);
        let mut graph = match known.and_then(|position| self.compiled.remove(position)) {
            Some((_, graph)) => graph,
            None => self.compile(key, channels)?,
        };
        let request = graph.create_infer_request();
        self.compiled.push_front((key, graph));
        self.compiled.truncate(KEPT);
        request
    }

    fn compile(&mut self, key: Key, channels: usize) -> Result<CompiledModel, InferenceError> {
        let Key { size: [height, width], threads } = key;
        let shape = [1, channels, height, width].map(|length| length as i64);
        self.model.reshape_single_input(&PartialShape::new_static(4, &shape)?)?;
        // As many forward passes at once as there are cores for them, each in a stream.
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let streams = (cores / threads).max(1);
        for (property, number) in [
            (RwPropertyKey::NumStreams, streams),
            (RwPropertyKey::InferenceNumThreads, streams * threads.get()),
        ] {
            self.core.set_property(&DeviceType::CPU, &property, &number.to_string())?;
        }
        self.core.compile_model(&self.model, DeviceType::CPU)
    }
}

/// Loads OpenVINO with its plugin for the CPU.
///
/// # Errors
/// Why that is not possible.
pub(super) fn start(options: &Options) -> Result<Core, String> {
    library::load()?;
    let failed = |error: &dyn std::fmt::Display| format!("OpenVINO can't be started: {error}");
    let mut core = Core::new().map_err(|error| failed(&error))?;
    configure(&mut core, options).map_err(|error| failed(&error))?;
    Ok(core)
}

/// Sets what all compiled graphs have in common.
fn configure(core: &mut Core, options: &Options) -> Result<(), InferenceError> {
    let precision = match options.precision {
        Precision::Bfloat16 if has_bfloat16(core)? => "bf16",
        Precision::Bfloat16 => {
            tracing::warn!("The CPU has no bfloat16; the model runs in float32.");
            "f32"
        }
        Precision::Int8 if has_bfloat16(core)? => "bf16",
        Precision::Int8 | Precision::Float32 => "f32",
    };
    core.set_property(&DeviceType::CPU, &RwPropertyKey::HintInferencePrecision, precision)?;
    // A thread that is bound to a core waits for a neighbour on it, though another core is idle.
    core.set_property(&DeviceType::CPU, &RwPropertyKey::HintEnableCpuPinning, "NO")?;
    if let Some(cache) = &options.cache {
        let folder = cache.join("openvino");
        core.set_property(&DeviceType::CPU, &RwPropertyKey::CacheDir, &folder.to_string_lossy())?;
    }
    Ok(())
}

fn has_bfloat16(core: &Core) -> Result<bool, InferenceError> {
    let capabilities = core.get_property(&DeviceType::CPU, &PropertyKey::DeviceCapabilities)?;
    Ok(capabilities.split_whitespace().any(|capability| capability == "BF16"))
}

/// Position of the output that holds embeddings. The first output holds the logits, whatever its name.
fn embedding_of(model: &openvino::Model, outputs: usize) -> Result<Option<usize>, InferenceError> {
    for index in 1..outputs {
        let output = model.get_output_by_index(index)?;
        // An output without a name is an error.
        let is_named = output.get_name().is_ok_and(|name| name == EMBEDDING_OUTPUT);
        if is_named && channels_of(&output.get_partial_shape()?) == EMBEDDING_LENGTH {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Length of dimension 1, or 0 if it is not known.
fn channels_of(shape: &PartialShape) -> usize {
    let channels = shape.get_dimensions().get(1).map_or(0, openvino::Dimension::get_max);
    usize::try_from(channels).unwrap_or_default()
}

/// Returns the error of a forward pass.
pub(super) fn failed(error: &InferenceError) -> Error {
    Error::Engine(format!("OpenVINO: {error}"))
}
