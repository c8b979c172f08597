//! An engine without a library, for tests: it tells classes apart by colour. A model is a `metadata.json` of any name
//! whose architecture is `Fake`; a `reference.json` beside it is its drift reference.
//!
//! ```json
//! {
//!     "version": "v1",
//!     "architecture": {"name": "Fake", "arguments": {"weights": [[0, 0, 0], [1, -1, 0]], "min_size": 4}},
//!     "input": {"tile": [64, 64]}
//! }
//! ```
//! The logit of a class is the sum of red, green and blue in [0, 255], each times its weight. With `"embeds": true` there is
//! an embedding too, the mean of all bytes times the number of each component, from 1.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bcs_contracts::PackageMetadata;
use bcs_contracts::class::unnamed_classes;
use bcs_contracts::features::{EMBEDDING_LENGTH, Embedding};
use bcs_contracts::keys::REFERENCE_FILE;
use serde_json::{Map, Value};

use crate::engine::{Border, Engine, ModelInfo};
use crate::error::Error;
use crate::model::{Model, Weights, has_extension};
use crate::options::Options;

/// Height and width of the input must be multiples of this, unless the model has another `size_divisor`.
const SIZE_DIVISOR: usize = 8;
/// Least height and width of an image, unless the model has another `min_size`.
const MIN_SIZE: usize = 16;

/// Weights of the colours by class.
#[derive(Debug, Clone)]
pub struct Colors {
    info: Arc<ModelInfo>,
    weights: Vec<[f32; 3]>,
    embeds: bool,
}

pub(crate) fn accepts(path: &Path) -> bool {
    has_extension(path, &["json"])
}

pub(crate) fn open(path: &Path, _options: &Options) -> Result<Model, Error> {
    let error = |reason: String| Error::Model(format!("{}: {reason}", path.display()));
    let metadata: PackageMetadata = read_json(path).map_err(error)?;
    let reference_path = path.with_file_name(REFERENCE_FILE);
    let reference = reference_path.exists().then(|| read_json(&reference_path)).transpose().map_err(error)?;
    let colors = Colors::new(metadata).map_err(error)?;
    Ok(Model::new(Arc::clone(&colors.info), reference, colors))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

impl Colors {
    /// Reads the weights in the architecture of a model.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(metadata: PackageMetadata) -> Result<Self, String> {
        let PackageMetadata { version, architecture, mut classes, input, .. } = metadata;
        if architecture.name != "Fake" {
            return Err(format!("its architecture is {}, not Fake", architecture.name));
        }
        let weights: Vec<[f32; 3]> = argument(&architecture.arguments, "weights", Vec::new())?;
        if classes.is_empty() {
            classes = unnamed_classes(weights.len());
        }
        if classes.len() != weights.len() || weights.len() < 2 {
            return Err(format!("it has {} classes and {} weights", classes.len(), weights.len()));
        }
        let info = ModelInfo {
            version,
            architecture: architecture.name,
            classes,
            tile: input.tile.map(|side| side as usize),
            size_divisor: [argument(&architecture.arguments, "size_divisor", SIZE_DIVISOR)?; 2],
            min_size: [argument(&architecture.arguments, "min_size", MIN_SIZE)?; 2],
            mpp: input.mpp,
            device: "cpu".to_owned(),
            engine: "fake",
        };
        let embeds = argument(&architecture.arguments, "embeds", false)?;
        Ok(Self { info: Arc::new(info), weights, embeds })
    }
}

fn argument<T: serde::de::DeserializeOwned>(
    arguments: &Map<String, Value>,
    name: &str,
    default: T,
) -> Result<T, String> {
    let Some(value) = arguments.get(name) else { return Ok(default) };
    serde_json::from_value(value.clone()).map_err(|error| format!("{name}: {error}"))
}

impl Weights for Colors {
    fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        Ok(Box::new(self.clone()))
    }
}

impl Engine for Colors {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn set_threads(&mut self, _threads: NonZeroUsize) {}

    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        let [count, height, width] = shape;
        let (rows, columns) = (border.top + height + border.bottom, border.left + width + border.right);
        let area = rows * columns;
        if pixels.len() != count * height * width * 3 || logits.len() != count * area * self.weights.len() {
            return Err(Error::Engine(format!("its input does not have the shape {shape:?}")));
        }
        let images = pixels.chunks_exact(height * width * 3);
        for (image, planes) in images.zip(logits.chunks_exact_mut(area * self.weights.len())) {
            for (weights, plane) in self.weights.iter().zip(planes.chunks_exact_mut(area)) {
                let logit =
                    |pixel: [f32; 3]| pixel.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                plane.fill(logit([border.value; 3]));
                for (at, pixel) in image.chunks_exact(3).enumerate() {
                    let (y, x) = (border.top + at / width, border.left + at % width);
                    plane[y * columns + x] = logit([pixel[0], pixel[1], pixel[2]].map(f32::from));
                }
            }
        }
        let images = pixels.chunks_exact(height * width * 3).filter(|_| self.embeds);
        Ok(images.map(embedding).collect())
    }
}

fn embedding(pixels: &[u8]) -> Embedding {
    let sum: u64 = pixels.iter().map(|byte| u64::from(*byte)).sum();
    let mean = sum as f32 / pixels.len() as f32;
    std::array::from_fn::<_, EMBEDDING_LENGTH, _>(|component| mean * (component + 1) as f32)
}

/// The model of the unit tests: of two classes, class 1 wins where an image is redder than green.
#[cfg(test)]
pub(crate) fn red() -> Colors {
    let metadata = serde_json::json!({
        "version": "fake",
        "architecture": {"name": "Fake", "arguments": {"weights": [[0, 0, 0], [1, -1, 0]], "embeds": true}},
        "input": {"tile": [32, 32]},
    });
    Colors::new(serde_json::from_value(metadata).unwrap()).unwrap()
}

#[cfg(test)]
impl Colors {
    /// Changes the description.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut ModelInfo)) -> Self {
        change(Arc::make_mut(&mut self.info));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_opened_by_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.json");
        let error = |path: &Path| crate::open(path, &Options::on("cpu")).unwrap_err().to_string();
        assert!(error(&path).contains("does not exist"));
        fs::write(&path, r#"{"architecture": {"name": "UNet"}}"#).unwrap();
        assert!(error(&path).contains("not Fake"));
        let text = r#"{"version": "v1", "architecture": {"name": "Fake", "arguments":
            {"weights": [[0, 0, 0], [1, -1, 0]], "min_size": 4}}}"#;
        fs::write(&path, text).unwrap();
        let model = crate::open(&path, &Options::on("cpu")).unwrap();
        assert_eq!((model.info.version.as_str(), model.info.min_size), ("v1", [4, 4]));
        let mut logits = [0.0; 4];
        model.engine().unwrap().run(&[9, 4, 0, 1, 2, 3], [1, 1, 2], &Border::default(), &mut logits).unwrap();
        assert_eq!(logits, [0.0, 0.0, 5.0, -1.0]);
        let other = path.with_extension("txt");
        fs::write(&other, "").unwrap();
        assert!(error(&other).contains("is not a known kind"));
    }
}
