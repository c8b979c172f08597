//! The configuration: the defaults of `config/predictor.yaml`, a file over them, the environment over both.

mod environment;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bcs_imaging::windows::BlendMode;
use bcs_inference::SlidingWindow;
use bcs_service::Environment;
use serde::Deserialize;

use crate::failure::Failure;

/// The file with every setting, its default and what it means.
const DEFAULTS: &str = include_str!("../../../config/predictor.yaml");

/// Where a file is looked for that was not named.
const FILE: &str = "config/predictor.yaml";

/// The whole configuration. What each setting means stands in `config/predictor.yaml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it listens.
    pub server: Server,
    /// What answers.
    pub model: Model,
    /// Where predictions go.
    pub storage: Storage,
    /// What requests may cost.
    pub limits: Limits,
    /// How windows slide.
    pub window: Window,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address.
    pub host: String,
    /// Port; 0 for any.
    pub port: u16,
    /// A further route that answers as `/ready` does.
    pub health_route: Option<String>,
}

/// What answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Package, TorchScript or safetensors.
    pub path: Option<PathBuf>,
    /// Name of the device.
    pub device: String,
    /// Threads of one window.
    pub threads: Option<NonZeroUsize>,
}

/// Where predictions go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Which kind of store.
    pub mode: StorageMode,
    /// Its folder.
    pub predictions_bucket: String,
    /// Whether images are kept.
    pub store_inputs: bool,
}

/// Which kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageMode {
    /// A folder.
    Local,
    /// Google Cloud Storage.
    Gcp,
}

/// What requests may cost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of one upload.
    pub max_upload_bytes: u64,
    /// Of one image.
    pub max_pixels: u64,
    /// Images that wait.
    pub queue: NonZeroUsize,
    /// Images decoded at the same time.
    pub decode_concurrency: Option<NonZeroUsize>,
}

impl Limits {
    /// Images decoded or encoded at the same time: as many as there are cores where it is not said.
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.decode_concurrency.map_or_else(cores, NonZeroUsize::get)
    }
}

/// How windows slide.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The share of a window that its neighbour covers too.
    pub overlap: f64,
    /// How overlapping windows are blended.
    pub blend: Blend,
    /// Windows that run together.
    pub batch: NonZeroUsize,
}

/// How overlapping windows are blended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blend {
    /// The centre of a window counts more than its edge.
    Gaussian,
    /// All of a window counts the same.
    Constant,
}

impl From<&Window> for SlidingWindow {
    fn from(window: &Window) -> Self {
        let mode = match window.blend {
            Blend::Gaussian => BlendMode::Gaussian,
            Blend::Constant => BlendMode::Constant,
        };
        Self { overlap: window.overlap, mode, batch: window.batch.get() }
    }
}

impl Settings {
    /// Reads the file that was named, or that lies where one is looked for, and the environment.
    ///
    /// # Errors
    /// [`Failure::Usage`], naming what can't be read and what is allowed.
    pub fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let found = Some(Path::new(FILE)).filter(|path| path.is_file());
        Self::layer(named.or(found), |name| std::env::var(name).ok())
    }

    fn layer(file: Option<&Path>, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut settings: Self = bcs_config::layer(DEFAULTS, file).map_err(Failure::usage)?;
        environment::apply(&mut settings, &Environment::new(&lookup)).map_err(Failure::usage)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Failure> {
        if !(0.0..1.0).contains(&self.window.overlap) {
            let overlap = self.window.overlap;
            return Err(Failure::usage(format!(
                "window.overlap is {overlap}; give a share from 0 to less than 1"
            )));
        }
        if self.limits.max_upload_bytes == 0 || self.limits.max_pixels == 0 {
            return Err(Failure::usage("limits.max_upload_bytes and limits.max_pixels must be more than 0"));
        }
        let bucket = &self.storage.predictions_bucket;
        if self.storage.mode == StorageMode::Gcp || bucket.starts_with("gs://") {
            return Err(Failure::usage(format!(
                "predictions can't go to Google Cloud Storage ({bucket}) in this version; set STORAGE_MODE=local and \
                 PREDICTIONS_BUCKET to a folder"
            )));
        }
        self.server.health_route.as_deref().map_or(Ok(()), check_route)
    }

    /// The model that was named.
    ///
    /// # Errors
    /// [`Failure::Usage`], where none is named or it is not on this machine.
    pub fn model_path(&self) -> Result<&Path, Failure> {
        let path = self.model.path.as_deref().ok_or_else(|| {
            Failure::usage(
                "no model is named; set MODEL_PATH to a model package, a TorchScript .pt or a .safetensors with its \
                 metadata.json beside it",
            )
        })?;
        local(path, "MODEL_PATH")?;
        Ok(path)
    }
}

/// Refuses a path that is not on this machine.
///
/// # Errors
/// [`Failure::Usage`] for `gs://…`; `name` is what the user calls the path.
pub fn local(path: &Path, name: &str) -> Result<(), Failure> {
    if path.to_string_lossy().starts_with("gs://") {
        return Err(Failure::usage(format!(
            "{name} is {}; this version reads local files only, so copy it here first (gcloud storage cp -r)",
            path.display()
        )));
    }
    Ok(())
}

/// A route is a plain path: what the router would take for a pattern is refused before it panics.
fn check_route(route: &str) -> Result<(), Failure> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with([':', '*'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~:@".contains(c))
    };
    if route.strip_prefix('/').is_some_and(|parts| parts.split('/').all(plain)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the health route (AIP_HEALTH_ROUTE) is '{route}'; give a plain path such as /v1/endpoints/1/deployedModels/2"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.yaml");
        std::fs::write(&path, file).unwrap();
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::layer(Some(&path), lookup)
    }

    fn refused(file: &str, variables: &[(&str, &str)]) -> String {
        let failure = with(file, variables).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        failure.to_string()
    }

    #[test]
    fn the_documented_defaults_are_whole() {
        let settings = with("", &[]).unwrap();
        assert_eq!((settings.server.port, settings.limits.max_upload_bytes), (8080, 32 << 20));
        assert_eq!(settings.storage.predictions_bucket, "./data/predictions");
        assert!(settings.model_path().unwrap_err().to_string().contains("MODEL_PATH"));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = "server: {port: 1}\nlimits: {queue: 3}\nmodel: {path: here}";
        let settings = with(file, &[("PORT", "2"), ("STORE_INPUTS", "true"), ("DEVICE", "")]).unwrap();
        assert_eq!((settings.server.port, settings.limits.queue.get()), (2, 3));
        assert!(settings.storage.store_inputs);
        assert_eq!(settings.model.device, "auto");
        assert_eq!(settings.model_path().unwrap(), Path::new("here"));
        assert_eq!(with(file, &[("PORT", "2"), ("AIP_HTTP_PORT", "3")]).unwrap().server.port, 3);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused("limits: {que: 3}", &[]).contains("que"));
        assert!(refused("limits: {queue: 0}", &[]).contains("limits.queue"));
        assert!(refused("window: {overlap: 1.0}", &[]).contains("window.overlap"));
        assert!(refused("", &[("PORT", "eighty")]).contains("PORT=eighty"));
        assert!(refused("", &[("STORE_INPUTS", "maybe")]).contains("STORE_INPUTS=maybe"));
        assert!(refused("", &[("STORAGE_MODE", "gcp")]).contains("STORAGE_MODE=local"));
        assert!(refused("", &[("STORAGE_MODE", "s3")]).contains("STORAGE_MODE=s3"));
        for route in ["ready", "/{id}", "/a//b", "/*all"] {
            assert!(refused("", &[("AIP_HEALTH_ROUTE", route)]).contains(route));
        }
    }

    #[test]
    fn vertexs_own_route_is_taken() {
        let route = "/v1/endpoints/12/deployedModels/34";
        let settings = with("", &[("AIP_HEALTH_ROUTE", route)]).unwrap();
        assert_eq!(settings.server.health_route.as_deref(), Some(route));
    }
}
