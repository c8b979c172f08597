//! A TorchScript file, as the predecessor's trainer wrote it: RGB in [0, 1], any size its network takes. Beside
//! it may lie a `metadata.json` with the classes.

use std::path::Path;

use bcs_contracts::class::unnamed_classes;
use bcs_contracts::keys::METADATA_FILE;
use bcs_contracts::package::InputSpec;
use bcs_contracts::{PackageMetadata, TissueClass};
use bcs_model::preprocess::to_input;
use tch::{CModule, Device, Tensor};

use super::{MIN_SIDE, device_name, engine_error, floats};
use crate::engine::{Engine, ModelInfo};
use crate::error::Error;

/// Runs a TorchScript module.
pub struct TorchScriptEngine {
    module: CModule,
    device: Device,
    input: InputSpec,
    info: ModelInfo,
}

impl TorchScriptEngine {
    /// Opens a file and tries it on a tile, to learn how many classes it gives.
    ///
    /// # Errors
    /// [`Error::Model`] for a file that is no TorchScript, or not of a segmentation network for RGB.
    pub fn open(path: &Path, device: Device, name: String) -> Result<Self, Error> {
        let error = |reason: String| Error::Model(format!("{}: {reason}", path.display()));
        let no_script = |reason: tch::TchError| {
            let text = reason.to_string();
            let first = text.split(['\n', ',']).next().unwrap_or_default();
            let first = first.split(". ").next().unwrap_or_default();
            error(format!(
                "it is no TorchScript ({first}); a state dictionary becomes a package with bcs-trainer import"
            ))
        };
        let mut module = CModule::load_on_device(path, device).map_err(no_script)?;
        module.f_set_eval().map_err(no_script)?;
        let (input, named) = beside(path).map_err(error)?;
        let tile = input.tile.map(|length| length as usize);
        let info = ModelInfo {
            version: name,
            architecture: "TorchScript".to_owned(),
            classes: Vec::new(),
            tile,
            // Nothing tells which sizes a script takes but the one it was trained on.
            size_divisor: tile,
            min_size: [MIN_SIDE; 2],
            mpp: input.mpp,
            reference: None,
            device: device_name(device),
        };
        let mut engine = Self { module, device, input, info };
        let classes = engine.count_classes().map_err(|reason| error(reason.to_string()))?;
        engine.info.classes = match named.len() {
            0 => unnamed_classes(classes),
            count if count == classes => named,
            count => {
                return Err(error(format!(
                    "{METADATA_FILE} names {count} classes, the script gives {classes}"
                )));
            }
        };
        Ok(engine)
    }

    fn count_classes(&self) -> Result<usize, Error> {
        let [height, width] = self.info.tile;
        let size = self.forward(&vec![255; height * width * 3], [1, height, width])?.size();
        match size[..] {
            [1, classes, h, w] if classes >= 2 && [h, w] == [height, width].map(|length| length as i64) => {
                Ok(classes as usize)
            }
            _ => Err(Error::Engine(format!(
                "it makes {size:?} of [1, 3, {height}, {width}], not logits of two or more classes"
            ))),
        }
    }

    fn forward(&self, pixels: &[u8], shape: [usize; 3]) -> Result<Tensor, Error> {
        let _no_grad = tch::no_grad_guard();
        let input = to_input(pixels, shape, 3, &self.input.scaling, self.device)
            .map_err(|error| engine_error(&error))?;
        self.module.forward_ts(&[input]).map_err(|error| engine_error(&error))
    }
}

/// What a `metadata.json` beside the script says of its input and classes.
fn beside(path: &Path) -> Result<(InputSpec, Vec<TissueClass>), String> {
    let metadata_path = path.with_file_name(METADATA_FILE);
    if !metadata_path.exists() {
        return Ok((InputSpec::default(), Vec::new()));
    }
    let text = std::fs::read(&metadata_path).map_err(|error| format!("{METADATA_FILE}: {error}"))?;
    let metadata: PackageMetadata =
        serde_json::from_slice(&text).map_err(|error| format!("{METADATA_FILE}: {error}"))?;
    Ok((metadata.input, metadata.classes))
}

impl Engine for TorchScriptEngine {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(&mut self, pixels: &[u8], shape: [usize; 3]) -> Result<Vec<f32>, Error> {
        let logits = self.forward(pixels, shape)?;
        floats(&logits).map_err(|error| engine_error(&error))
    }
}
