//! The configuration of a run, composed as Hydra does: from config files on the search path, the built-in files and the
//! overrides of the command line.
//!
//! Every default is in one place, the built-in files (`config/hydra`). Their composition is the schema: a config file of
//! a user need not have all keys of its group, nor its defaults list all groups; what they leave out has the value of
//! the built-in default option. What is deleted (`~key`) stays deleted: without the group `augmentation` there is no
//! augmentation, and without any other group, or a key that has no null, the run is refused.

mod built_in;
mod check;
mod types;

use std::path::{Path, PathBuf};

use bcs_config::overrides::Action;
use bcs_config::{Composer, Composition, Interpolator, Override, Schema, Value, overrides, suggest, yaml};
use bcs_contracts::package::Architecture;
use bcs_model::nets;
use fs_err as fs;

pub(crate) use types::{
    ClassWeights, ClipAlgorithm, Config, DeepSupervision, NamedWeights, Precision, TrainHyp,
};

use self::built_in::BUILT_IN;
use crate::cli::ConfigArguments;
use crate::error::{Error, Result};
use crate::sweep;

/// Folders searched after `--config-dir`: where containers mount configurations, and the source tree's.
const SEARCH_PATH: [&str; 2] = ["/config/hydra", "config/hydra"];

/// Name of the primary config among the built-in files.
pub(crate) const PRIMARY_CONFIG: &str = "config_hydra";

/// Groups that a run needs.
const REQUIRED_GROUPS: [&str; 3] = ["train_hyp", "model_hyp", "data"];

/// Groups of the predecessor that are not read, so may have any keys.
const UNREAD_GROUPS: [&str; 3] = ["evidently", "predict_hyp", "unittest"];

/// Composes configurations.
pub(crate) struct Configurations {
    composer: Composer,
    config_name: String,
}

/// A composed and checked configuration.
#[derive(Debug, Clone)]
pub(crate) struct Composed {
    /// The configuration, with interpolations resolved.
    pub config: Config,
    /// The network that `model_hyp` describes.
    pub architecture: Architecture,
    /// The configuration as YAML, with interpolations as written, so that values from the environment are not saved, and
    /// without the settings of a sweep.
    pub yaml: String,
    /// Overrides of the command line, as given.
    pub overrides: Vec<String>,
}

/// Folder of the configuration in that of a run, and its files, as Hydra names them.
const SAVED: &str = ".hydra";
const SAVED_CONFIG: &str = "config.yaml";
const SAVED_OVERRIDES: &str = "overrides.yaml";

impl Composed {
    fn new(config: Config, yaml: String, overrides: Vec<String>) -> Result<Self> {
        check::check(&config)?;
        let architecture = nets::architecture(&config.model_hyp)
            .map_err(|error| with_suggestion(error, &config.model_hyp))?;
        Ok(Self { config, architecture, yaml, overrides })
    }

    /// Reads what [`Self::save`] has saved.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Usage`], with the key or the file.
    pub(crate) fn read(output: &Path) -> Result<Self> {
        let folder = output.join(SAVED);
        let value = yaml::read(&folder.join(SAVED_CONFIG))?;
        let text = value.to_yaml();
        let overrides: Vec<String> = yaml::read(&folder.join(SAVED_OVERRIDES))?.decode()?;
        Self::new(resolved(value)?.decode()?, text, overrides)
    }

    /// Saves the configuration and the overrides in the output folder of a run.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn save(&self, output: &Path) -> Result<()> {
        let folder = output.join(SAVED);
        fs::create_dir(&folder)?;
        fs::write(folder.join(SAVED_CONFIG), &self.yaml)?;
        let overrides: Vec<Value> = self.overrides.iter().map(|text| Value::from(text.as_str())).collect();
        Ok(fs::write(folder.join(SAVED_OVERRIDES), Value::from(overrides).to_yaml())?)
    }
}

impl Configurations {
    /// Sets up the search path.
    ///
    /// # Errors
    /// [`Error::Usage`] if `--config-dir` is not a folder.
    pub(crate) fn new(arguments: &ConfigArguments) -> Result<Self> {
        if let Some(folder) = &arguments.config_dir
            && !folder.is_dir()
        {
            return Err(Error::Usage(format!("--config-dir {}: there is no such folder", folder.display())));
        }
        let found = SEARCH_PATH.iter().map(PathBuf::from).filter(|folder| folder.is_dir());
        let folders = arguments.config_dir.clone().into_iter().chain(found);
        let composer = Composer::new(folders).with_built_in(BUILT_IN).with_schema(schema()?);
        Ok(Self { composer, config_name: arguments.config_name.clone() })
    }

    /// Composes a single run.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Usage`], with the key and the file it came from.
    pub(crate) fn compose<S: AsRef<str>>(&self, overrides: &[S]) -> Result<Composed> {
        self.compose_parsed(overrides::parse_all(overrides)?)
    }

    /// Composes a single run from parsed overrides.
    ///
    /// # Errors
    /// Those of [`Self::compose`].
    pub(crate) fn compose_parsed(&self, overrides: Vec<Override>) -> Result<Composed> {
        let overrides: Vec<Override> = overrides.into_iter().map(without_plus).collect();
        let composition = self.composer.compose_parsed(&self.config_name, &overrides)?;
        self.check(composition)
    }

    fn check(&self, composition: Composition) -> Result<Composed> {
        for warning in &composition.warnings {
            eprintln!("bcs-trainer: warning: {warning}");
        }
        self.require_groups(&composition.value)?;
        let config: Config = resolved(composition.value.clone())?
            .decode()
            .map_err(|error| with_source(error, &composition))?;
        let mut value = composition.value;
        _ = value.as_map_mut().and_then(|groups| groups.shift_remove(sweep::GROUP));
        Composed::new(config, value.to_yaml(), composition.overrides)
    }

    /// Returns the options of a config group.
    pub(crate) fn options(&self, group: &str) -> Vec<String> {
        self.composer.options(group)
    }

    /// A group that was deleted must not be replaced with defaults silently.
    fn require_groups(&self, value: &Value) -> Result<()> {
        let is_missing = |group: &&&str| value.get_path(group).is_none_or(Value::is_null);
        match REQUIRED_GROUPS.iter().find(is_missing) {
            None => Ok(()),
            Some(group) => Err(Error::Usage(format!(
                "the configuration has no group {group}; choose one of its options, {group}=…: {}",
                self.composer.options(group).join(", ")
            ))),
        }
    }
}

/// Resolves the interpolations of a configuration.
///
/// # Errors
/// [`Error::Config`]; [`Error::Usage`] for keys without a value.
fn resolved(mut value: Value) -> Result<Value> {
    Interpolator::from_process().resolve(&mut value)?;
    let missing = bcs_config::missing_keys(&value);
    match missing.first() {
        None => Ok(value),
        Some(first) => {
            Err(Error::Usage(format!("no value for {}; set it with {first}=…", missing.join(", "))))
        }
    }
}

/// The built-in configuration: all known keys with their defaults.
fn schema() -> Result<Schema> {
    let composer = Composer::new(Vec::<PathBuf>::new()).with_built_in(BUILT_IN);
    let mut defaults = composer.compose::<&str>(PRIMARY_CONFIG, &[])?.value;
    for group in UNREAD_GROUPS {
        defaults.set(group, Value::empty_map())?;
    }
    // Each network knows its own keys, and names them where one is unknown.
    Ok(Schema::new(defaults).open("model_hyp"))
}

/// Lets arguments of networks and losses be set without `+`, although no config file has them.
fn without_plus(parsed: Override) -> Override {
    let is_argument = [
        "model_hyp.",
        "train_hyp.loss_arguments",
        "train_hyp.optimizer_arguments",
        "train_hyp.scheduler_arguments",
    ]
    .iter()
    .any(|key| parsed.key.starts_with(key));
    match parsed.action {
        Action::Change if is_argument => Override { action: Action::ForceAdd, ..parsed },
        _ => parsed,
    }
}

/// Adds the nearest key of the network to an error about a key that the network does not have.
fn with_suggestion(error: bcs_model::Error, model_hyp: &serde_json::Map<String, serde_json::Value>) -> Error {
    let bcs_model::Error::Argument { name, .. } = &error else { return error.into() };
    let network = model_hyp.get("model").and_then(serde_json::Value::as_str).unwrap_or_default();
    let keys = nets::config_keys(network);
    let key = name.strip_prefix("model_hyp.").unwrap_or(name);
    let nearest = (!keys.contains(&key)).then(|| suggest::nearest(key, keys)).flatten();
    Error::Usage(format!(
        "{error}{}",
        nearest.map_or_else(String::new, |key| format!(".{}", suggest::hint(Some(key))))
    ))
}

/// Adds the origin of the value to an error.
fn with_source(error: bcs_config::Error, composition: &Composition) -> Error {
    match &error {
        bcs_config::Error::Convert { key, message } => match composition.source_of(key) {
            Some(origin) => Error::Usage(format!("{key}: {message} (from {origin})")),
            None => error.into(),
        },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests;
