//! Folders of the sinks.

use std::path::{Path, PathBuf};

/// Variable with which Vertex AI names the folder of TensorBoard.
pub const TENSORBOARD_VARIABLE: &str = "AIP_TENSORBOARD_LOG_DIR";

/// Beginning of the names of folders in buckets.
const BUCKETS: &str = "gs://";

/// Folder in which buckets are mounted.
const MOUNT: &str = "/gcs";

/// Folders of the sinks of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locations {
    /// Folder of the JSON lines: the output folder.
    pub jsonl: PathBuf,
    /// Folder of the event files.
    pub tensorboard: PathBuf,
    /// Folder in a bucket that is not mounted, `gs://…`, that the event files are to be copied to.
    pub tensorboard_bucket: Option<String>,
    /// Folder in which Weights & Biases has its folder `wandb`.
    pub wandb: PathBuf,
}

impl Locations {
    /// Returns the folders of a run. `output` is its output folder, `name` its name, `wandb` the folder that `WANDB_DIR`
    /// names, and `before` the folder of the event files of the process that began the run, if this one goes on with it.
    ///
    /// Event files are in `output/tensorboard`, or in a folder of the run below [`TENSORBOARD_VARIABLE`]. Those of a run that
    /// goes on are in one folder, so that TensorBoard shows them as one run.
    pub fn new(
        output: &Path,
        name: &str,
        wandb: Option<&Path>,
        before: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let given = variable(TENSORBOARD_VARIABLE).filter(|given| !given.is_empty());
        let in_given = given.map(|given| format!("{}/{name}", given.trim_end_matches('/')));
        let in_given = in_given.map(|folder| mounted(&folder).unwrap_or(folder));
        let bucket = in_given.clone().filter(|folder| folder.starts_with(BUCKETS));
        let tensorboard = match in_given {
            Some(folder) if bucket.is_none() => PathBuf::from(folder),
            _ => before
                .filter(|folder| folder.is_dir())
                .map_or_else(|| output.join("tensorboard"), Path::to_owned),
        };
        Self {
            jsonl: output.to_owned(),
            tensorboard,
            tensorboard_bucket: bucket,
            wandb: wandb.unwrap_or(output).to_owned(),
        }
    }
}

/// Returns the path of a folder in a bucket that is mounted, as Vertex AI mounts all buckets.
fn mounted(folder: &str) -> Option<String> {
    let path = folder.strip_prefix(BUCKETS)?;
    let bucket = path.split('/').next()?;
    Path::new(MOUNT).join(bucket).is_dir().then(|| format!("{MOUNT}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_files_are_in_the_output_folder_or_where_vertex_ai_expects_them() {
        let output = Path::new("outputs/1");
        let tensorboard = |given: Option<&str>, before: Option<&Path>| {
            let given = given.map(str::to_owned);
            let locations = Locations::new(output, "run", None, before, |name| {
                given.clone().filter(|_| name == TENSORBOARD_VARIABLE)
            });
            (locations.tensorboard, locations.tensorboard_bucket)
        };
        let local = (output.join("tensorboard"), None);
        assert_eq!(tensorboard(None, None), local);
        assert_eq!(tensorboard(Some(""), Some(Path::new("/gone"))), local);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(tensorboard(None, Some(folder.path())), (folder.path().to_owned(), None));
        assert_eq!(tensorboard(Some("/gcs/b/logs/"), None), (PathBuf::from("/gcs/b/logs/run"), None));
        assert_eq!(tensorboard(Some("gs://b/logs"), None), (local.0, Some("gs://b/logs/run".to_owned())));
    }
}
