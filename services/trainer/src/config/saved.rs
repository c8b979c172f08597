//! What a run saves about its configuration, in the folder `.hydra` as Hydra does.

use std::path::Path;

use bcs_config::Value;
use fs_err as fs;

use super::Composed;
use crate::environment;
use crate::error::Result;

impl Composed {
    /// Saves the configuration, Hydra's part of it, the overrides and the environment in the output folder of a run.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(crate) fn save(&self, output: &Path) -> Result<()> {
        // Null turns it off.
        let Some(subfolder) = self.job.output_subfolder() else { return Ok(()) };
        let folder = output.join(subfolder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("config.yaml"), &self.yaml)?;
        fs::write(folder.join("hydra.yaml"), self.job.yaml(output))?;
        let is_job = |text: &&String| !text.trim_start_matches(['+', '~']).starts_with("hydra");
        let overrides: Vec<Value> =
            self.overrides.iter().filter(is_job).map(|text| Value::from(text.as_str())).collect();
        fs::write(folder.join("overrides.yaml"), Value::from(overrides).to_yaml())?;
        environment::save(&folder)
    }
}
