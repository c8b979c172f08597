//! What a run saves about its configuration, in the folder `.hydra` as Hydra does.

use std::path::Path;

use bcs_config::{Value, yaml};
use bcs_model::nets;
use bcs_tracking::Secrets;
use fs_err as fs;

use super::job::Clock;
use super::{Composed, Config, Job, check, check_missing};
use crate::environment;
use crate::error::Result;

/// Name of the folder of the configuration in that of a run, unless `hydra.output_subdir` is set.
pub(crate) const FOLDER: &str = ".hydra";

impl Composed {
    /// Reads what [`Self::save`] has saved in [`FOLDER`].
    ///
    /// # Errors
    /// [`crate::error::Error::Config`] and [`crate::error::Error::Usage`], with the key or the file.
    pub(crate) fn read(output: &Path) -> Result<Self> {
        let folder = output.join(FOLDER);
        let mut value = yaml::read(&folder.join("config.yaml"))?;
        let text = value.to_yaml();
        let overrides: Vec<String> = yaml::read(&folder.join("overrides.yaml"))?.decode()?;
        let hydra = yaml::read(&folder.join("hydra.yaml"))?;
        let mut whole = value.clone();
        whole.set("hydra", hydra.get_path("hydra").cloned().unwrap_or_default())?;
        let job = Job::new(whole, Clock::now());
        job.interpolator().resolve(&mut value)?;
        check_missing(&value)?;
        let config: Config = value.decode()?;
        check::check(&config)?;
        let architecture = nets::architecture(&config.model_hyp)?;
        Ok(Self { config, architecture, yaml: text, overrides, job })
    }

    /// Saves the configuration, Hydra's part of it, the overrides and the environment in the output folder of a run.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(crate) fn save(&self, output: &Path) -> Result<()> {
        // Null turns it off.
        let Some(subfolder) = self.job.output_subfolder() else { return Ok(()) };
        let folder = output.join(subfolder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("config.yaml"), self.saved_yaml()?)?;
        fs::write(folder.join("hydra.yaml"), self.saved_hydra(output)?)?;
        let overrides: Vec<Value> = self.saved_overrides().into_iter().map(Value::from).collect();
        fs::write(folder.join("overrides.yaml"), Value::from(overrides).to_yaml())?;
        environment::save(&folder)
    }

    /// Returns Hydra's part of the configuration as YAML without secrets. The overrides are in several of its values.
    fn saved_hydra(&self, output: &Path) -> Result<String> {
        let secrets = Secrets::from_process();
        let mut node = yaml::parse(&self.job.yaml(output), "hydra.yaml")?;
        for given in &self.overrides {
            replace(&mut node, given, &secrets.mask_override(given));
        }
        secrets.mask_config(&mut node);
        Ok(node.to_yaml())
    }
}

/// Replaces a text wherever it occurs in the strings of a value.
fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Str(text) => *text = text.replace(from, to),
        Value::List(list) => list.iter_mut().for_each(|value| replace(value, from, to)),
        Value::Map(map) => map.values_mut().for_each(|value| replace(value, from, to)),
        _ => {}
    }
}
