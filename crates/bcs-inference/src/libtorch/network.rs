//! Networks of `bcs-model`: from a package, or in memory during training.

use bcs_contracts::keys::imported_version;
use bcs_contracts::package::Scaling;
use bcs_contracts::{DriftReference, PackageMetadata};
use bcs_model::nets::Network;
use bcs_model::package::Package;
use bcs_model::preprocess::to_input;

use super::{device_name, engine_error, floats, pad};
use crate::engine::{Border, Engine, ModelInfo};
use crate::error::Error;

/// Engine of a [`Network`].
pub struct NetworkEngine {
    network: Network,
    scaling: Scaling,
    info: ModelInfo,
}

impl NetworkEngine {
    /// Creates the engine of a package. A package without a version gets one from `name` and its weights.
    pub fn new(package: Package, name: &str) -> Self {
        let version = imported_version(name, &package.weights_sha256);
        Self::from_parts(package.network, package.metadata, package.reference, version)
    }

    /// Creates the engine of a network that is not in a package. `version` is used if the metadata have none.
    pub fn from_parts(
        network: Network,
        metadata: PackageMetadata,
        reference: Option<DriftReference>,
        version: String,
    ) -> Self {
        let size_divisor = network.size_divisor().map(|divisor| divisor as usize);
        let min_size = network.min_size().map(|side| side as usize);
        let tile = std::array::from_fn(|axis| {
            let side = metadata.input.tile[axis] as usize;
            side.max(min_size[axis]).next_multiple_of(size_divisor[axis])
        });
        let info = ModelInfo {
            version: if metadata.version.is_empty() { version } else { metadata.version },
            architecture: metadata.architecture.name,
            classes: metadata.classes,
            tile,
            size_divisor,
            min_size,
            mpp: metadata.input.mpp,
            reference,
            device: device_name(network.device()),
        };
        Self { network, scaling: metadata.input.scaling, info }
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

    fn run(&mut self, pixels: &[u8], shape: [usize; 3], border: &Border) -> Result<Vec<f32>, Error> {
        let _no_grad = tch::no_grad_guard();
        let (channels, device) = (self.network.in_channels(), self.network.device());
        let input =
            to_input(pixels, shape, channels, &self.scaling, device).map_err(|error| engine_error(&error))?;
        let input = pad(input, border).map_err(|error| engine_error(&error))?;
        let logits = self.network.forward(&input, false).map_err(|error| engine_error(&error))?;
        floats(&logits).map_err(|error| engine_error(&error))
    }
}
