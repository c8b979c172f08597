//! Settings: the defaults of `config/predictor.yaml`, overridden by a file, overridden by environment variables.

mod check;
mod limits;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bcs_imaging::windows::BlendMode;
use bcs_inference::{EngineKind, Options, Precision, SlidingWindow, scheduler};
use bcs_service::environment::InvalidVariable;
use bcs_service::guard::tokens::TokenSettings;
use bcs_service::guard::{self, ApiKeys};
use bcs_service::settings::{ServerSettings, StorageMode};
use bcs_service::{Environment, Failure, Guard};
use serde::Deserialize;

pub use limits::{Connections, Limits};

/// Settings. `config/predictor.yaml` documents each of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and routes.
    pub server: Server,
    /// Model and device.
    pub model: Model,
    /// Store of the predictions.
    pub storage: Storage,
    /// Limits of connections.
    pub connections: Connections,
    /// Limits of requests.
    pub limits: Limits,
    /// Sliding window.
    pub window: Window,
}

/// Address and routes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; 0 selects a free port.
    pub port: u16,
    /// Additional route that responds as `/ready`.
    pub health_route: Option<String>,
    /// Additional route that responds as `POST /predict`.
    pub predict_route: Option<String>,
    /// File of the keys of clients, one per line; `None` if clients need no key.
    pub api_keys_file: Option<PathBuf>,
    /// ID tokens of clients, in place of a key.
    pub oidc: TokenSettings,
    /// Origins of pages that may call the server.
    pub cors_origins: Vec<String>,
}

impl Server {
    /// Returns how the server is protected. `open` are the routes that need neither key nor ID token.
    ///
    /// # Errors
    /// [`Failure::Usage`] for an invalid origin, for a file of keys that cannot be read or has none, and as
    /// [`TokenSettings::open`].
    pub fn guard(&self, open: Vec<String>) -> Result<Guard, Failure> {
        let origin = |text: &String| {
            guard::check_origin(text)
                .map_err(|reason| Failure::usage(format!("server.cors_origins (CORS_ORIGINS): {reason}")))
        };
        let origins = self.cors_origins.iter().map(origin).collect::<Result<_, _>>()?;
        let keys = self.api_keys_file.clone().map(ApiKeys::open).transpose()?.map(Arc::new);
        let tokens = self.oidc.open()?.map(Arc::new);
        Ok(Guard { keys, tokens, open, origins })
    }
}

/// Model and device.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Model package, TorchScript or safetensors file: a path, a `gs://` URI, or a key in the repository.
    pub path: Option<PathBuf>,
    /// Bucket of the models, with [`StorageMode::Gcp`].
    pub repository: Option<String>,
    /// Folder that keeps models from a bucket; `None` for a temporary one.
    pub cache: Option<PathBuf>,
    /// Device: `cpu`, `cuda`, `cuda:N` or `auto`.
    pub device: String,
    /// Library that runs the model.
    pub engine: EngineKind,
    /// Precision of convolutions in OpenVINO.
    pub precision: Precision,
    /// Number of batches that run at the same time; `None` for one per core.
    pub workers: Option<NonZeroUsize>,
    /// Number of threads of each of them.
    pub threads: NonZeroUsize,
    /// Seconds between two looks for another model at the same path; `None` to keep the first one.
    pub reload: Option<f64>,
}

/// Store of the predictions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Kind of store.
    pub mode: StorageMode,
    /// Folder or bucket of records, masks and inputs.
    pub predictions_bucket: String,
    /// Whether uploaded images are stored.
    pub store_inputs: bool,
}

/// Sliding window.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Overlap of neighbouring windows as a fraction of the window, in [0, 1).
    pub overlap: f64,
    /// Blending of overlapping windows.
    pub blend: Blend,
    /// Number of windows per batch.
    pub batch: NonZeroUsize,
}

/// Blending of overlapping windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blend {
    /// Gaussian weights: the centre of a window counts more than its border.
    Gaussian,
    /// Equal weights.
    Constant,
}

impl From<&Window> for SlidingWindow {
    fn from(window: &Window) -> Self {
        let mode = match window.blend {
            Blend::Gaussian => BlendMode::Gaussian,
            Blend::Constant => BlendMode::Constant,
        };
        Self { overlap: [window.overlap; 2], mode, batch: window.batch.get(), ..Self::default() }
    }
}

impl ServerSettings for Settings {
    const DEFAULTS: &'static str = include_str!("../../../config/predictor.yaml");
    const DEFAULT_FILE: &'static str = "config/predictor.yaml";

    fn apply(&mut self, environment: &Environment<'_>) -> Result<(), InvalidVariable> {
        let Self { server, model, storage, .. } = self;
        environment.set_text(&mut server.host, "HOST");
        // The last one takes precedence.
        for name in ["PORT", "AIP_HTTP_PORT"] {
            environment.set(&mut server.port, name, "a number from 0 to 65535")?;
        }
        environment.set_optional(&mut server.health_route, "AIP_HEALTH_ROUTE");
        environment.set_optional(&mut server.predict_route, "AIP_PREDICT_ROUTE");
        environment.set_optional(&mut server.api_keys_file, "API_KEYS_FILE");
        server.oidc.apply(environment);
        environment.set_list(&mut server.cors_origins, "CORS_ORIGINS");
        // The last one takes precedence.
        for name in ["AIP_STORAGE_URI", "MODEL_PATH"] {
            environment.set_optional(&mut model.path, name);
        }
        environment.set_optional(&mut model.repository, "MODEL_REPOSITORY");
        environment.set_optional(&mut model.cache, "MODEL_CACHE");
        environment.set_text(&mut model.device, "DEVICE");
        environment.set(&mut model.engine, "ENGINE", "auto, libtorch or openvino")?;
        environment.set(&mut model.precision, "PRECISION", "float32, bfloat16 or int8")?;
        let mut reload = model.reload.unwrap_or(0.0);
        environment.set(&mut reload, "MODEL_RELOAD", "a number of seconds; 0 for never")?;
        model.reload = Some(reload).filter(|seconds| *seconds != 0.0);
        environment.set_text(&mut storage.predictions_bucket, "PREDICTIONS_BUCKET");
        environment.set_bool(&mut storage.store_inputs, "STORE_INPUTS")?;
        environment.set(&mut storage.mode, "STORAGE_MODE", "local or gcp")
    }

    fn check(&self) -> Result<(), Failure> {
        if !(0.0..1.0).contains(&self.window.overlap) {
            let overlap = self.window.overlap;
            return Err(Failure::usage(format!(
                "window.overlap is {overlap}; it must be at least 0 and less than 1"
            )));
        }
        check::in_range("window.batch", self.window.batch.get(), 1..=1024)?;
        check::device(&self.model.device)?;
        check::in_range("model.workers", self.model.workers.map_or(1, NonZeroUsize::get), 1..=1024)?;
        check::in_range("model.threads", self.model.threads.get(), 1..=1024)?;
        if let Some(reload) = self.model.reload {
            check::seconds("model.reload (MODEL_RELOAD)", reload)?;
        }
        self.connections.check()?;
        self.limits.check()?;
        check::bucket("storage.predictions_bucket (PREDICTIONS_BUCKET)", &self.storage.bucket())?;
        let Server { health_route, predict_route, .. } = &self.server;
        let route =
            |name, route: &Option<String>| route.as_deref().map_or(Ok(()), |route| check::route(name, route));
        route("health route (AIP_HEALTH_ROUTE)", health_route)?;
        route("prediction route (AIP_PREDICT_ROUTE)", predict_route)
    }
}

impl Model {
    /// Returns how the model is opened.
    pub fn options(&self) -> Options {
        let Self { device, engine, precision, cache, .. } = self;
        Options { device: device.clone(), engine: *engine, precision: *precision, cache: cache.clone() }
    }
}

impl Settings {
    /// Returns how images are scheduled.
    pub fn scheduling(&self) -> scheduler::Options {
        let defaults = scheduler::Options::default();
        scheduler::Options {
            window: (&self.window).into(),
            workers: self.model.workers.unwrap_or(defaults.workers),
            threads: self.model.threads,
            queue: self.limits.queue.get(),
            reload: self.model.reload.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }

    /// Returns the path or `gs://` URI of the model.
    ///
    /// # Errors
    /// [`Failure::Usage`] if no model is set.
    pub fn model_path(&self) -> Result<PathBuf, Failure> {
        let path = self.model.path.as_deref().ok_or_else(|| {
            Failure::usage(
                "no model is set; set MODEL_PATH to a model package, a TorchScript .pt file, a .safetensors file with \
                 metadata.json beside it, or a .txt file that names one of these",
            )
        })?;
        Ok(self.storage.mode.model(self.model.repository.as_deref(), path))
    }
}

impl Storage {
    /// Returns the folder or `gs://` URI of the predictions.
    pub fn bucket(&self) -> String {
        self.mode.bucket(&self.predictions_bucket)
    }
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
        Settings::read(Some(&path), &lookup)
    }

    fn usage_error(file: &str, variables: &[(&str, &str)]) -> String {
        let failure = with(file, variables).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        failure.to_string()
    }

    #[test]
    fn the_shipped_defaults_are_complete() {
        let settings = with("", &[]).unwrap();
        assert_eq!((settings.server.port, settings.limits.max_upload_bytes), (8080, 32 << 20));
        assert_eq!(settings.storage.predictions_bucket, "./data/predictions");
        assert!(settings.model_path().unwrap_err().to_string().contains("MODEL_PATH"));
    }

    #[test]
    fn variables_override_the_file_and_the_file_overrides_defaults() {
        let file = "server: {port: 1}\nlimits: {queue: 3}\nmodel: {path: here}";
        let settings = with(file, &[("PORT", "2"), ("STORE_INPUTS", "true"), ("DEVICE", "")]).unwrap();
        assert_eq!((settings.server.port, settings.limits.queue.get()), (2, 3));
        assert!(settings.storage.store_inputs);
        assert_eq!(settings.model.device, "auto");
        assert_eq!(settings.model_path().unwrap(), PathBuf::from("here"));
        assert_eq!(with(file, &[("PORT", "2"), ("AIP_HTTP_PORT", "3")]).unwrap().server.port, 3);
    }

    #[test]
    fn names_of_buckets_and_models_depend_on_the_mode() {
        let gcp =
            [("STORAGE_MODE", "gcp"), ("PREDICTIONS_BUCKET", "predictions"), ("MODEL_PATH", "run/best")];
        let settings = with("model: {repository: models}", &gcp).unwrap();
        assert_eq!(settings.storage.bucket(), "gs://predictions");
        assert_eq!(settings.model_path().unwrap(), PathBuf::from("gs://models/run/best"));
        let vertex = with("", &[("AIP_STORAGE_URI", "gs://vertex/artefacts")]).unwrap();
        assert_eq!(vertex.model_path().unwrap(), PathBuf::from("gs://vertex/artefacts"));
        let local = with("", &[("MODEL_REPOSITORY", "models"), ("MODEL_PATH", "run/best")]).unwrap();
        assert_eq!(
            (local.storage.bucket().as_str(), local.model_path().unwrap()),
            ("./data/predictions", "run/best".into())
        );
    }

    #[test]
    fn models_are_looked_for_again_if_configured() {
        assert_eq!(with("", &[]).unwrap().model.reload, None);
        assert_eq!(with("", &[("MODEL_RELOAD", "30")]).unwrap().model.reload, Some(30.0));
        assert_eq!(with("model: {reload: 5}", &[]).unwrap().model.reload, Some(5.0));
        assert_eq!(with("model: {reload: 5}", &[("MODEL_RELOAD", "0")]).unwrap().model.reload, None);
        assert!(usage_error("model: {reload: -1}", &[]).contains("model.reload"));
        assert!(usage_error("", &[("MODEL_RELOAD", "often")]).contains("MODEL_RELOAD=often"));
    }

    #[test]
    fn invalid_settings_are_named() {
        assert!(usage_error("limits: {que: 3}", &[]).contains("que"));
        assert!(usage_error("limits: {queue: 0}", &[]).contains("limits.queue"));
        assert!(usage_error("window: {overlap: 1.0}", &[]).contains("window.overlap"));
        assert!(usage_error("", &[("PORT", "eighty")]).contains("PORT=eighty"));
        assert!(usage_error("", &[("STORE_INPUTS", "maybe")]).contains("STORE_INPUTS=maybe"));
        assert!(usage_error("", &[("STORAGE_MODE", "gcp")]).contains("PREDICTIONS_BUCKET"));
        assert!(usage_error("", &[("PREDICTIONS_BUCKET", "gs://UPPER")]).contains("lower-case"));
        assert!(usage_error("", &[("STORAGE_MODE", "s3")]).contains("STORAGE_MODE=s3"));
        let huge = usage_error("limits: {queue: 9223372036854775807}", &[]);
        assert!(huge.contains("limits.queue is 9223372036854775807"), "{huge}");
        assert!(usage_error("", &[("DEVICE", "banana")]).contains("(DEVICE) is 'banana'"));
        assert!(usage_error("model: {device: \"cuda:-1\"}", &[]).contains("model.device"));
        for name in ["wait", "upload_timeout", "request_timeout", "store_timeout"] {
            assert!(usage_error(&format!("limits: {{{name}: 0}}"), &[]).contains(&format!("limits.{name}")));
        }
        assert!(usage_error("connections: {max: 0}", &[]).contains("connections.max"));
        assert!(usage_error("connections: {idle_timeout: 1.0e9}", &[]).contains("connections.idle_timeout"));
        assert!(usage_error("limits: {memory: much}", &[]).contains("limits.memory"));
        assert!(usage_error("limits: {memory: 200MB}", &[]).contains("limits.process_memory"));
        for route in ["ready", "/{id}", "/a//b", "/*all"] {
            assert!(usage_error("", &[("AIP_HEALTH_ROUTE", route)]).contains(route));
        }
    }

    #[test]
    fn requests_share_the_memory_that_the_process_does_not_need() {
        let admission = |file: &str| with(file, &[]).unwrap().limits.admission();
        let small = admission("limits: {memory: 512MB, process_memory: 200MB}");
        assert_eq!((small.upload_bytes, small.pixel_bytes), (78_000_000, 234_000_000));
        // The largest upload fits, and small ones beside it.
        let tight = admission("limits: {memory: 400MB, process_memory: 200MB}");
        assert_eq!((tight.upload_bytes, tight.pixel_bytes), (2 * 33_554_432, 200_000_000 - 2 * 33_554_432));
        let default = admission("");
        assert!(default.pixel_bytes > default.upload_bytes);
        assert_eq!(default.wait, std::time::Duration::from_secs(5));
    }

    #[test]
    fn the_health_route_of_vertex_ai_is_accepted() {
        let route = "/v1/endpoints/12/deployedModels/34";
        let settings = with("", &[("AIP_HEALTH_ROUTE", route)]).unwrap();
        assert_eq!(settings.server.health_route.as_deref(), Some(route));
    }
}
