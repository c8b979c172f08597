//! TorchScript archives, as the predecessor's trainer wrote them: the input is RGB in [0, 1] in tiles of the training
//! size. A `metadata.json` beside the archive may describe the input and the classes.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bcs_contracts::class::{duplicate_code, unnamed_classes};
use bcs_contracts::features::Embedding;
use bcs_contracts::keys::{METADATA_FILE, imported_version};
use bcs_contracts::package::InputSpec;
use bcs_contracts::{PackageMetadata, TissueClass};
use bcs_model::package::sha256;
use bcs_model::preprocess::to_input;
use bcs_model::weights::check_torchscript;
use tch::{CModule, Device, TchError, Tensor};

use super::{ENGINE, copy, device_name, engine_error, pad, use_threads};
use crate::engine::{Border, Engine, ModelInfo};
use crate::error::Error;
use crate::model::{Model, Weights};

/// Least side of an image in pixels, about a nucleus at 0.5 µm/px: the module does not tell its own.
const MIN_SIDE: usize = 16;

/// Opens an archive, and runs it on a blank tile to find the number of classes. The version is made of `name` and the
/// archive's checksum. A TorchScript archive is a program: open only those that you trust.
///
/// # Errors
/// [`Error::Model`] for a damaged archive, and for a network that does not map RGB images to logits of their size.
pub(super) fn open(path: &Path, device: Device, name: &str) -> Result<Model, Error> {
    let error = |reason: String| Error::Model(format!("{}: {reason}", path.display()));
    let file = fs::read(path).map_err(|reason| error(reason.to_string()))?;
    let version = imported_version(name, &sha256(&file));
    let module = load(&file, device).map_err(error)?;
    let (input, named) = read_metadata(path).map_err(error)?;
    let tile = input.tile.map(|length| length as usize);
    let module = Module { module, device, input };
    let classes = module.count_classes(tile).map_err(|reason| error(reason.to_string()))?;
    let classes = match named.len() {
        0 => unnamed_classes(classes),
        count if count == classes => named,
        count => {
            return Err(error(format!(
                "{METADATA_FILE} names {count} classes, but the network has {classes} output channels"
            )));
        }
    };
    if let Some(code) = duplicate_code(&classes) {
        return Err(error(format!("{METADATA_FILE} gives two classes the code {code}")));
    }
    let info = Arc::new(ModelInfo {
        version,
        architecture: "TorchScript".to_owned(),
        classes,
        tile,
        // The only size that the module is known to accept.
        size_divisor: tile,
        min_size: [MIN_SIDE; 2],
        mpp: module.input.mpp,
        device: device_name(device),
        engine: ENGINE,
    });
    let engine = TorchScriptEngine { module: Arc::new(module), info: Arc::clone(&info), threads: None };
    Ok(Model::new(info, None, engine))
}

/// A module on a device, and its preprocessing.
struct Module {
    module: CModule,
    device: Device,
    input: InputSpec,
}

impl Module {
    fn count_classes(&self, [height, width]: [usize; 2]) -> Result<usize, Error> {
        let pixels = vec![255; height * width * 3];
        let size = self.forward(&pixels, [1, height, width], &Border::default())?.size();
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

/// Engine of a TorchScript module, which all engines share.
#[derive(Clone)]
struct TorchScriptEngine {
    module: Arc<Module>,
    info: Arc<ModelInfo>,
    threads: Option<NonZeroUsize>,
}

impl Weights for TorchScriptEngine {
    fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        Ok(Box::new(self.clone()))
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
        copy(&self.module.forward(pixels, shape, border)?, logits)?;
        Ok(Vec::new())
    }
}
