//! The configuration of a run, composed as Hydra does: from config files on the search path, the built-in files and the
//! overrides of the command line.
//!
//! Every default is in one place, the built-in files (`config/hydra`). Their composition is the schema: a config file of
//! a user need not have all keys of its group, nor its defaults list all groups; what they leave out has the value of
//! the built-in default option. What is deleted (`~key`) stays deleted: without the group `augmentation` there is no
//! augmentation, and without any other group, or a key that has no null, the run is refused.

mod built_in;
mod check;
mod job;
pub(crate) mod saved;
mod types;

use std::path::PathBuf;

use bcs_config::overrides::Action;
use bcs_config::{Composer, Composition, Key, Override, Schema, Value, overrides, suggest, yaml};
use bcs_contracts::package::Architecture;
use bcs_model::nets;
use bcs_tracking::Secrets;

pub(crate) use types::{
    Backend, BatchSize, ClassWeights, ClipAlgorithm, Config, DataConfig, DeepSupervision, DistributedConfig,
    LearningRate, NamedWeights, OnDamage, Precision, TrainHyp,
};

use self::built_in::BUILT_IN;
pub(crate) use self::job::Job;
use crate::cli::ConfigArguments;
use crate::error::{Error, Result};
use crate::output::warn;
use crate::sweep;

/// Folders searched after `--config-dir`: where containers mount configurations, and the source tree's.
const SEARCH_PATH: [&str; 2] = ["/config/hydra", "config/hydra"];

/// Name of the primary config among the built-in files.
pub(crate) const PRIMARY_CONFIG: &str = "config_hydra";

/// Groups that a run needs.
const REQUIRED_GROUPS: [&str; 3] = ["train_hyp", "model_hyp", "data"];

/// Groups of the predecessor that are not read, so may have any keys.
const UNREAD_GROUPS: [&str; 3] = ["evidently", "predict_hyp", "unittest"];

/// Name of the program in Hydra's part of the configuration.
const JOB_NAME: &str = "bcs-trainer";

/// Composes configurations.
pub(crate) struct Configurations {
    /// Composes exactly as Hydra does.
    composer: Composer,
    /// Composes over the defaults of the program, and refuses keys that it does not know.
    checked: Composer,
    config_name: String,
    clock: job::Clock,
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
    /// Hydra's part of the configuration.
    pub job: Job,
}

impl Composed {
    /// Returns the configuration as YAML without secrets, as it is saved.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub(crate) fn saved_yaml(&self) -> Result<String> {
        let mut config = yaml::parse(&self.yaml, "the configuration")?;
        Secrets::from_process().mask_config(&mut config);
        Ok(config.to_yaml())
    }

    /// Returns the overrides of the job, not those of Hydra, without secrets, as they are saved.
    pub(crate) fn saved_overrides(&self) -> Vec<String> {
        let secrets = Secrets::from_process();
        let is_job = |text: &&String| !text.trim_start_matches(['+', '~']).starts_with("hydra");
        self.overrides.iter().filter(is_job).map(|text| secrets.mask_override(text)).collect()
    }
}

impl Configurations {
    /// Sets up the search path.
    ///
    /// # Errors
    /// [`Error::Usage`] if `--config-dir` or `--config-path` is not a folder.
    pub(crate) fn new(arguments: &ConfigArguments) -> Result<Self> {
        for (flag, folder) in
            [("--config-dir", &arguments.config_dir), ("--config-path", &arguments.config_path)]
        {
            if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
                return Err(Error::Usage(format!("{flag} {}: there is no such folder", folder.display())));
            }
        }
        let own = arguments.config_dir.clone().into_iter();
        let composer = match &arguments.config_path {
            // As in Hydra, where the folder of the program comes before that of the command line.
            Some(folder) => own.fold(Composer::new([folder]), Composer::with_config_dir),
            None => {
                let found = SEARCH_PATH.iter().map(PathBuf::from).filter(|folder| folder.is_dir());
                Composer::new(own.chain(found)).with_built_in(JOB_NAME, BUILT_IN)
            }
        };
        let composer = composer.with_job_name(JOB_NAME);
        let checked = composer.clone().with_schema(schema()?);
        let clock = job::Clock::now();
        Ok(Self { composer, checked, config_name: arguments.config_name.clone(), clock })
    }

    /// Composes a single run exactly as Hydra does, without the defaults and checks of the program.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub(crate) fn describe<S: AsRef<str>>(&self, overrides: &[S]) -> Result<(Composition, Job)> {
        self.describe_parsed(&overrides::parse_all(overrides)?)
    }

    /// Returns every combination of the sweeps in overrides.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub(crate) fn expand<S: AsRef<str>>(&self, overrides: &[S]) -> Result<Vec<Vec<Override>>> {
        Ok(self.composer.expand(&self.config_name, overrides)?)
    }

    /// As [`Self::describe`], from parsed overrides.
    ///
    /// # Errors
    /// Those of [`Self::describe`].
    pub(crate) fn describe_parsed(&self, overrides: &[Override]) -> Result<(Composition, Job)> {
        let given: Vec<Override> = overrides.iter().cloned().map(without_plus_if_known).collect();
        let composition = self.composer.compose_parsed(&self.config_name, &given)?;
        let job = Job::new(composition.whole(), self.clock.clone());
        Ok((composition, job))
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
        let described = self.describe_parsed(&overrides);
        let groups = self.checked.groups();
        let overrides: Vec<Override> =
            overrides.into_iter().map(without_plus).map(|parsed| over_defaults(parsed, &groups)).collect();
        let composition = self.checked.compose_parsed(&self.config_name, &overrides)?;
        for warning in &composition.warnings {
            warn(warning);
        }
        // The checks know more about a wrong key than Hydra, but what Hydra refuses is never run.
        let (architecture, config, yaml) = self.check(&composition)?;
        let (_, job) = described?;
        Ok(Composed { config, architecture, yaml, overrides: composition.overrides, job })
    }

    fn check(&self, composition: &Composition) -> Result<(Architecture, Config, String)> {
        self.require_groups(&composition.value)?;
        let mut resolved = composition.value.clone();
        let job = Job::new(composition.whole(), self.clock.clone());
        for warning in job.interpolator().resolve_with_warnings(&mut resolved)? {
            warn(&warning);
        }
        check_missing(&resolved)?;
        let config: Config = resolved.decode().map_err(|error| with_source(error, composition))?;
        check::check(&config)?;
        let architecture = nets::architecture(&config.model_hyp)
            .map_err(|error| with_suggestion(error, &config.model_hyp))?;
        let mut value = composition.value.clone();
        _ = value.as_map_mut().and_then(|groups| groups.shift_remove(&Key::from(sweep::GROUP)));
        Ok((architecture, config, value.to_yaml()))
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

/// Refuses keys without a value.
fn check_missing(value: &Value) -> Result<()> {
    let missing = bcs_config::missing_keys(value);
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            Err(Error::Usage(format!("no value for {}; set it with {first}=…", missing.join(", "))))
        }
    }
}

/// Returns the built-in configuration: all known keys with their defaults.
///
/// # Errors
/// [`Error::Config`].
pub(crate) fn defaults() -> Result<Value> {
    let composer = Composer::new(Vec::<PathBuf>::new()).with_built_in(JOB_NAME, BUILT_IN);
    Ok(composer.compose::<&str>(PRIMARY_CONFIG, &[])?.value)
}

/// The keys that a configuration may have.
fn schema() -> Result<Schema> {
    let mut defaults = defaults()?;
    for group in UNREAD_GROUPS {
        defaults.set(group, Value::empty_map())?;
    }
    // Each network knows its own keys, and names them where one is unknown.
    Ok(Schema::new(defaults).open("model_hyp"))
}

/// As [`without_plus`], but for the arguments that a network knows alone: others are refused as Hydra refuses them.
fn without_plus_if_known(parsed: Override) -> Override {
    let argument = parsed.key.strip_prefix("model_hyp.");
    match argument.map(|argument| argument.split('.').next().unwrap_or(argument)) {
        Some(name) if !nets::names().any(|network| nets::config_keys(network).contains(&name)) => parsed,
        _ => without_plus(parsed),
    }
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

/// Lets `+key=value` set a key that the config files do not have, but the defaults of the program do.
fn over_defaults(parsed: Override, groups: &[String]) -> Override {
    match parsed.action {
        Action::Add if !groups.contains(&parsed.key) => Override { action: Action::ForceAdd, ..parsed },
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
