//! Networks of `bcs-model`: from a package, or in memory during training.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use bcs_contracts::PackageMetadata;
use bcs_contracts::features::Embedding;
use bcs_contracts::keys::imported_version;
use bcs_contracts::package::{Architecture, Scaling};
use bcs_model::embedding::embed;
use bcs_model::nets::Network;
use bcs_model::package::Package;
use bcs_model::preprocess::to_input;
use tch::{Device, Tensor};

use super::{ENGINE, copy, device_name, engine_error, pad, use_threads};
use crate::engine::{Border, Engine, ModelInfo, window};
use crate::error::Error;
use crate::model::{Model, Weights};

/// Returns the model of a package. A package without a version gets one from `name` and its weights.
pub(super) fn model(package: Package, name: &str) -> Model {
    let Package { network, metadata, reference, weights_sha256 } = package;
    let (state, device) = (Mutex::new(network.state()), network.device());
    let (scaling, architecture) = (metadata.input.scaling.clone(), metadata.architecture.clone());
    let info = Arc::new(info(&network, metadata, imported_version(name, &weights_sha256)));
    let weights = NetworkWeights { architecture, scaling, info: Arc::clone(&info), device, state };
    Model::new(info, reference, weights)
}

/// Parameters and buffers of a network, and what else its engines have in common.
struct NetworkWeights {
    architecture: Architecture,
    scaling: Scaling,
    info: Arc<ModelInfo>,
    device: Device,
    /// Behind a lock only because a tensor can't be referred to by several threads.
    state: Mutex<BTreeMap<String, Tensor>>,
}

impl Weights for NetworkWeights {
    fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        let Architecture { name, arguments } = &self.architecture;
        let network = Network::new(name, arguments, self.device)?;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        share(&network, &state).map_err(|error| Error::Model(error.to_string()))?;
        let (scaling, info) = (self.scaling.clone(), Arc::clone(&self.info));
        Ok(Box::new(NetworkEngine { network, scaling, info, threads: None }))
    }
}

/// Makes a network use the memory of other tensors of the same names as its parameters and buffers.
fn share(network: &Network, state: &BTreeMap<String, Tensor>) -> Result<(), tch::TchError> {
    let _no_grad = tch::no_grad_guard();
    for (name, mut tensor) in network.state() {
        if let Some(shared) = state.get(&name) {
            tensor.f_set_data(shared)?;
        }
    }
    Ok(())
}

fn info(network: &Network, metadata: PackageMetadata, version: String) -> ModelInfo {
    let size_divisor = network.size_divisor().map(|divisor| divisor as usize);
    let min_size = network.min_size().map(|side| side as usize);
    ModelInfo {
        version: if metadata.version.is_empty() { version } else { metadata.version },
        architecture: metadata.architecture.name,
        classes: metadata.classes,
        tile: window(metadata.input.tile, min_size, size_divisor),
        size_divisor,
        min_size,
        mpp: metadata.input.mpp,
        device: device_name(network.device()),
        engine: ENGINE,
    }
}

/// Engine of a [`Network`].
pub struct NetworkEngine {
    network: Network,
    scaling: Scaling,
    info: Arc<ModelInfo>,
    threads: Option<NonZeroUsize>,
}

impl NetworkEngine {
    /// Creates the engine of a network that is not in a package. `version` is used if the metadata have none.
    pub fn from_parts(network: Network, metadata: PackageMetadata, version: String) -> Self {
        let scaling = metadata.input.scaling.clone();
        let info = Arc::new(info(&network, metadata, version));
        Self { network, scaling, info, threads: None }
    }

    /// Returns the network.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

impl Engine for NetworkEngine {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn set_threads(&mut self, threads: NonZeroUsize) {
        self.threads = Some(threads);
    }

    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        use_threads(self.threads);
        let _no_grad = tch::no_grad_guard();
        let (channels, device) = (self.network.in_channels(), self.network.device());
        let input =
            to_input(pixels, shape, channels, &self.scaling, device).map_err(|error| engine_error(&error))?;
        let input = pad(input, border).map_err(|error| engine_error(&error))?;
        let output = self.network.activations(&input, false).map_err(|error| engine_error(&error))?;
        copy(&output.logits, logits)?;
        let mut embeddings = vec![Embedding::default(); shape[0]];
        let embedded = embed(&output.bottleneck).map_err(|error| engine_error(&error))?;
        copy(&embedded, embeddings.as_flattened_mut())?;
        Ok(embeddings)
    }
}
