//! An opened model, from which engines are made.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bcs_contracts::DriftReference;

use crate::choice;
use crate::engine::{Engine, ModelInfo};
use crate::error::Error;
use crate::options::{EngineKind, Options};
use crate::remembered::Remembered;

/// The weights of a model, which its engines share.
pub trait Weights: Send + Sync {
    /// Creates an engine.
    ///
    /// # Errors
    /// [`Error::Model`].
    fn engine(&self) -> Result<Box<dyn Engine>, Error>;
}

/// An opened model.
pub struct Model {
    /// Description.
    pub info: Arc<ModelInfo>,
    /// Drift reference, if the model has one.
    pub reference: Option<DriftReference>,
    weights: Box<dyn Weights>,
}

impl Model {
    /// Creates a model.
    pub fn new(
        info: Arc<ModelInfo>,
        reference: Option<DriftReference>,
        weights: impl Weights + 'static,
    ) -> Self {
        Self { info, reference, weights: Box::new(weights) }
    }

    /// Sets the drift reference.
    #[cfg(feature = "openvino")]
    pub(crate) fn with_reference(self, reference: Option<DriftReference>) -> Self {
        Self { reference, ..self }
    }

    /// Creates an engine, which shares the weights with the other engines of the model.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        self.weights.engine()
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("info", &self.info).finish_non_exhaustive()
    }
}

/// An engine that was built in.
struct Kind {
    name: &'static str,
    /// `None` if it is never chosen by name.
    kind: Option<EngineKind>,
    /// The models that it opens, for messages.
    models: &'static str,
    /// Whether it opens what is at a path.
    accepts: fn(&Path) -> bool,
    open: fn(&Path, &Options) -> Result<Model, Error>,
}

/// All engines that were built in, by cargo features. Where several open a model, the first one decides what is right.
const KINDS: &[Kind] = &[
    #[cfg(feature = "libtorch")]
    Kind {
        name: "libtorch",
        kind: Some(EngineKind::Libtorch),
        models: "a model package (folder), a .safetensors or a TorchScript .pt",
        accepts: crate::libtorch::accepts,
        open: crate::libtorch::open,
    },
    #[cfg(feature = "openvino")]
    Kind {
        name: "openvino",
        kind: Some(EngineKind::OpenVino),
        models: "a model package (folder) with a model.onnx, or an .onnx",
        accepts: crate::openvino::accepts,
        open: crate::openvino::open,
    },
    #[cfg(any(test, feature = "fake"))]
    Kind {
        name: "fake",
        kind: None,
        models: "a fake .json",
        accepts: crate::fake::accepts,
        open: crate::fake::open,
    },
];

/// Opens a model with an engine that was built in: the one that the options name, else the fastest of those that open it.
///
/// # Errors
/// [`Error::Model`] for a model that is missing, damaged or not supported, for an engine that was not built in, and for an
/// unknown device.
pub fn open(path: &Path, options: &Options) -> Result<Model, Error> {
    if !path.exists() {
        return Err(Error::Model(format!("{} does not exist", path.display())));
    }
    let wanted = |kind: &&Kind| options.engine == EngineKind::Auto || kind.kind == Some(options.engine);
    let built: Vec<&Kind> = KINDS.iter().filter(wanted).collect();
    let able: Vec<&Kind> = built.iter().copied().filter(|kind| (kind.accepts)(path)).collect();
    match able.as_slice() {
        [] if built.is_empty() => {
            Err(Error::Model(format!("this program was built without the engine {}", options.engine)))
        }
        [] => {
            let known: Vec<&str> = built.iter().map(|kind| kind.models).collect();
            let (path, known) = (path.display(), known.join(" or "));
            Err(Error::Model(format!("{path} is not a known kind of model: {known}{}", missing_engine())))
        }
        [only] => (only.open)(path, options),
        several => remembered_or_fastest(several, path, options),
    }
}

/// What to do about models that only libtorch runs, for builds without it.
fn missing_engine() -> &'static str {
    if cfg!(feature = "libtorch") {
        ""
    } else {
        "; TorchScript archives and safetensors files need a program that was built with the engine libtorch"
    }
}

/// Opens a model with the engine that was the fastest at an earlier start, else with the one that is now.
fn remembered_or_fastest(kinds: &[&Kind], path: &Path, options: &Options) -> Result<Model, Error> {
    let remembered = Remembered::new(path, options);
    let known = remembered.engine();
    if let Some(kind) = kinds.iter().find(|kind| known.as_deref() == Some(kind.name)) {
        match (kind.open)(path, options) {
            Ok(model) => return Ok(model),
            Err(error) => tracing::warn!(
                engine = kind.name,
                error = error.to_string(),
                "An engine can't run the model."
            ),
        }
    }
    let model = fastest(kinds, path, options)?;
    if model.info.device == "cpu" {
        remembered.keep(model.info.engine);
    }
    Ok(model)
}

/// Opens a model with each engine and returns the fastest. Engines that compute on the CPU are not asked if an engine before
/// them computes elsewhere.
fn fastest(kinds: &[&Kind], path: &Path, options: &Options) -> Result<Model, Error> {
    let mut opened = Vec::new();
    for kind in kinds {
        let model = (kind.open)(path, options);
        if let Ok(Model { info, .. }) = &model
            && info.device != "cpu"
        {
            return model;
        }
        opened.push((kind.name, model));
    }
    choice::fastest(opened, options.precision)
}

/// Whether a path ends with one of these extensions.
pub(crate) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| extensions.contains(&ending))
}
