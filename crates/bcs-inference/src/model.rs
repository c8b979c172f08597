//! An opened model, from which engines are made.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bcs_contracts::DriftReference;

use crate::engine::{Engine, ModelInfo};
use crate::error::Error;

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

/// An engine that was built in: the models that it opens, for messages; whether it opens what is at a path; and the
/// function that does, with the name of the device.
type Kind = (&'static str, fn(&Path) -> bool, fn(&Path, &str) -> Result<Model, Error>);

/// All engines that were built in, by cargo features.
const KINDS: &[Kind] = &[
    #[cfg(feature = "libtorch")]
    (
        "a model package (folder), a .safetensors or a TorchScript .pt",
        crate::libtorch::accepts,
        crate::libtorch::open,
    ),
    #[cfg(any(test, feature = "fake"))]
    ("a fake .json", crate::fake::accepts, crate::fake::open),
];

/// Opens a model with the engine that was built in for its kind, on a device that the engine knows by this name.
///
/// # Errors
/// [`Error::Model`] for a model that is missing, damaged or not supported, and for an unknown device.
pub fn open(path: &Path, device: &str) -> Result<Model, Error> {
    if !path.exists() {
        return Err(Error::Model(format!("{} does not exist", path.display())));
    }
    for (_, accepts, open) in KINDS {
        if accepts(path) {
            return open(path, device);
        }
    }
    let known: Vec<&str> = KINDS.iter().map(|(models, ..)| *models).collect();
    Err(Error::Model(format!("{} is not a known kind of model: {}", path.display(), known.join(" or "))))
}

/// Whether a path ends with one of these extensions.
pub(crate) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| extensions.contains(&ending))
}
