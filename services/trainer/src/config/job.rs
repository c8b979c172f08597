//! Hydra's part of a configuration: the folders of runs, and what their names depend on.

use std::path::{Path, PathBuf};

use bcs_config::{Interpolator, Value};
use fs_err as fs;
use jiff::ZonedDateTime;
use jiff::fmt::strtime;

use crate::error::{Error, Result};
use crate::folders::create_dated;

/// Time of `${now:%Y-%m-%d}`, which is the same in all runs of a program.
#[derive(Debug, Clone)]
pub(crate) struct Clock(ZonedDateTime);

impl Clock {
    /// The time now.
    pub(super) fn now() -> Self {
        Self(ZonedDateTime::now())
    }

    /// Formats the time as Python's `strftime` does.
    fn format(&self, pattern: &str) -> Result<String, String> {
        // Python's fraction has six digits.
        let pattern = pattern.replace("%f", "%6f");
        strtime::format(&pattern, &self.0).map_err(|error| error.to_string())
    }
}

/// Hydra's part of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The configuration with its node `hydra`, interpolations as written.
    whole: Value,
    clock: Clock,
}

/// Name of a folder below `outputs` or `multirun`, unless `hydra.run.dir` or `hydra.sweep.dir` is set.
const DATED: &str = "/${now:%Y-%m-%d}/${now:%H-%M-%S}";

impl Job {
    pub(super) fn new(whole: Value, clock: Clock) -> Self {
        Self { whole, clock }
    }

    /// Returns the resolvers of a configuration: OmegaConf's, `now` and `hydra`.
    pub(crate) fn interpolator(&self) -> Interpolator {
        let clock = self.clock.clone();
        let now = move |arguments: &[Value]| match arguments {
            [Value::Str(pattern)] => clock.format(pattern).map(Value::from),
            _ => Err("now expects a format: ${now:%Y-%m-%d}".to_owned()),
        };
        Interpolator::from_process().with_resolver("now", now).with_hydra(self.whole.clone())
    }

    /// Creates the folder of a single run, `hydra.run.dir`. Two runs of one second have two folders; a folder that the
    /// user names is used as it is.
    ///
    /// # Errors
    /// [`Error::Config`] if the name cannot be resolved, [`Error::Io`].
    pub(crate) fn create_run_folder(&self) -> Result<PathBuf> {
        self.create_folder("hydra.run.dir", "outputs")
    }

    /// Creates the folder of a sweep, `hydra.sweep.dir`, as [`Self::create_run_folder`] does.
    ///
    /// # Errors
    /// As [`Self::create_run_folder`].
    pub(crate) fn create_sweep_folder(&self) -> Result<PathBuf> {
        self.create_folder("hydra.sweep.dir", "multirun")
    }

    /// Returns the name of the folder of a sweep, `hydra.sweep.dir`.
    ///
    /// # Errors
    /// [`Error::Config`] if the name cannot be resolved.
    pub(crate) fn sweep_folder(&self) -> Result<PathBuf> {
        self.text("hydra.sweep.dir").map(PathBuf::from)
    }

    /// Returns the folder of a run in that of its sweep, `hydra.sweep.subdir`.
    ///
    /// # Errors
    /// [`Error::Config`] if the name cannot be resolved.
    pub(crate) fn sweep_subfolder(&self) -> Result<PathBuf> {
        self.text("hydra.sweep.subdir").map(PathBuf::from)
    }

    /// Returns this job as run `number` of a sweep.
    #[must_use]
    pub(crate) fn in_sweep(mut self, number: usize) -> Self {
        let id = Value::from(number.to_string());
        let number = Value::Int(number.try_into().unwrap_or(i64::MAX));
        for (path, value) in
            [("hydra.job.num", number), ("hydra.job.id", id), ("hydra.mode", Value::from("MULTIRUN"))]
        {
            self.set(path, value);
        }
        self
    }

    /// Returns the node `hydra` as YAML for a run in this folder, as Hydra saves it.
    pub(crate) fn yaml(&self, output: &Path) -> String {
        let mut job = self.clone();
        let absolute = std::path::absolute(output).unwrap_or_else(|_| output.to_owned());
        job.set("hydra.runtime.output_dir", absolute.display().to_string().into());
        if job.whole.get_path("hydra.mode").is_none_or(Value::is_null) {
            job.set("hydra.mode", "RUN".into());
            job.append_override("hydra.mode=RUN");
        }
        let node = job.whole.get_path("hydra").cloned().unwrap_or_default();
        Value::Map([("hydra".into(), node)].into_iter().collect()).to_yaml()
    }

    /// Returns the name of the folder of the configuration in that of a run; `None` for none.
    pub(crate) fn output_subfolder(&self) -> Option<&str> {
        self.whole.get_path("hydra.output_subdir").and_then(Value::as_str)
    }

    fn append_override(&mut self, text: &str) {
        let overrides = ["hydra", "overrides", "hydra"];
        if let Some(Value::List(list)) =
            overrides.iter().try_fold(&mut self.whole, |value, key| value.child_mut(key))
        {
            list.push(text.into());
        }
    }

    fn set(&mut self, path: &str, value: Value) {
        // The node has these keys, and no list on the way.
        let set = self.whole.set(path, value);
        debug_assert!(set.is_ok(), "{path}");
    }

    fn text(&self, path: &str) -> Result<String> {
        match self.interpolator().select(&self.whole, path)? {
            Some(Value::Str(text)) if !text.is_empty() => Ok(text),
            Some(Value::Int(number)) => Ok(number.to_string()),
            _ => Err(Error::Usage(format!("no value for {path}; set it with {path}=…"))),
        }
    }

    fn create_folder(&self, path: &str, root: &str) -> Result<PathBuf> {
        let written = self.whole.get_path(path).and_then(Value::as_str);
        if written == Some(&format!("{root}{DATED}")) {
            return create_dated(Path::new(root), &self.clock.0);
        }
        let folder = PathBuf::from(self.text(path)?);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}
