//! TorchScript archives, as the predecessor's trainer wrote them: the input is RGB in [0, 1] in tiles of the training
//! size. A `metadata.json` beside the archive may describe the input and the classes.

use std::fs;
use std::path::Path;

use bcs_contracts::class::unnamed_classes;
use bcs_contracts::keys::{METADATA_FILE, imported_version};
use bcs_contracts::package::InputSpec;
use bcs_contracts::{PackageMetadata, TissueClass};
use bcs_model::package::sha256;
use bcs_model::preprocess::to_input;
use bcs_model::weights::check_torchscript;
use tch::{CModule, Device, TchError, Tensor};

use super::{device_name, engine_error, floats, pad};
use crate::engine::{Border, Engine, ModelInfo};
use crate::error::Error;

/// Least side of an image in pixels, about a nucleus at 0.5 µm/px: the module does not tell its own.
const MIN_SIDE: usize = 16;

/// Engine of a TorchScript module.
pub struct TorchScriptEngine {
    module: CModule,
    device: Device,
    input: InputSpec,
    info: ModelInfo,
}

impl TorchScriptEngine {
    /// Opens an archive, and runs it on a blank tile to find the number of classes. The version is made of `name` and
    /// the archive's checksum. A TorchScript archive is a program: open only those that you trust.
    ///
    /// # Errors
    /// [`Error::Model`] for a damaged archive, and for a network that does not map RGB images to logits of their size.
    pub fn open(path: &Path, device: Device, name: &str) -> Result<Self, Error> {
        let error = |reason: String| Error::Model(format!("{}: {reason}", path.display()));
        let file = fs::read(path).map_err(|reason| error(reason.to_string()))?;
        let version = imported_version(name, &sha256(&file));
        let module = load(&file, device).map_err(error)?;
        let (input, named) = read_metadata(path).map_err(error)?;
        let tile = input.tile.map(|length| length as usize);
        let info = ModelInfo {
            version,
            architecture: "TorchScript".to_owned(),
            classes: Vec::new(),
            tile,
            // The only size that the module is known to accept.
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
                    "{METADATA_FILE} names {count} classes, but the network has {classes} output channels"
                )));
            }
        };
        Ok(engine)
    }

    fn count_classes(&self) -> Result<usize, Error> {
        let [height, width] = self.info.tile;
        let size =
            self.forward(&vec![255; height * width * 3], [1, height, width], &Border::default())?.size();
        match size[..] {
            [1, classes, h, w] if classes >= 2 && [h, w] == [height, width].map(|length| length as i64) => {
                Ok(classes as usize)
            }
            _ => Err(Error::Engine(format!(
                "its output for [1, 3, {height}, {width}] has shape {size:?}; expected [1, classes, {height}, {width}] with \
                 two or more classes"
            ))),
        }
    }

    fn forward(&self, pixels: &[u8], shape: [usize; 3], border: &Border) -> Result<Tensor, Error> {
        let _no_grad = tch::no_grad_guard();
        let input = to_input(pixels, shape, 3, &self.input.scaling, self.device)
            .map_err(|error| engine_error(&error))?;
        let input = pad(input, border).map_err(|error| engine_error(&error))?;
        self.module.forward_ts(&[input]).map_err(|error| engine_error(&error))
    }
}

/// Checks an archive and loads what was checked.
fn load(file: &[u8], device: Device) -> Result<CModule, String> {
    let checked = check_torchscript(file)?;
    let refused = |error: TchError| {
        let text = error.to_string();
        // libtorch puts hints and a C++ stack trace after the first sentence.
        let sentence = text.lines().next().unwrap_or_default().split(". ").next().unwrap_or_default();
        format!("libtorch can't load the TorchScript archive: {sentence}")
    };
    let mut module = CModule::load_data_on_device(&mut checked.as_slice(), device).map_err(refused)?;
    module.f_set_eval().map_err(refused)?;
    Ok(module)
}

/// Reads the input and the classes from a `metadata.json` beside the archive; there need not be one.
fn read_metadata(path: &Path) -> Result<(InputSpec, Vec<TissueClass>), String> {
    let metadata_path = path.with_file_name(METADATA_FILE);
    if !metadata_path.exists() {
        return Ok((InputSpec::default(), Vec::new()));
    }
    let text = fs::read(&metadata_path).map_err(|error| format!("{METADATA_FILE}: {error}"))?;
    let metadata: PackageMetadata =
        serde_json::from_slice(&text).map_err(|error| format!("{METADATA_FILE}: {error}"))?;
    Ok((metadata.input, metadata.classes))
}

impl Engine for TorchScriptEngine {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(&mut self, pixels: &[u8], shape: [usize; 3], border: &Border) -> Result<Vec<f32>, Error> {
        let logits = self.forward(pixels, shape, border)?;
        floats(&logits).map_err(|error| engine_error(&error))
    }
}
