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
        fs::write(folder.join("config.yaml"), self.saved_yaml()?)?;
        fs::write(folder.join("hydra.yaml"), self.job.yaml(output))?;
        let overrides: Vec<Value> = self.saved_overrides().into_iter().map(Value::from).collect();
        fs::write(folder.join("overrides.yaml"), Value::from(overrides).to_yaml())?;
        environment::save(&folder)
    }
}
