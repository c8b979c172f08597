//! Settings of Weights & Biases from its environment variables. `WANDB_API_KEY` is never read: nothing is sent.

use std::path::PathBuf;

/// Project of runs without `WANDB_PROJECT`.
const PROJECT: &str = "bcs";

/// What is written, `WANDB_MODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An offline run; `online` is one too, and is sent with `wandb sync`.
    Offline,
    /// Nothing.
    Disabled,
}

/// Settings of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What is written.
    pub mode: Mode,
    /// Project.
    pub project: String,
    /// User or team; `None` for the user who sends the run.
    pub entity: Option<String>,
    /// Group of runs.
    pub group: Option<String>,
    /// Job type.
    pub job_type: Option<String>,
    /// Name of the run; `None` for that of its folder.
    pub name: Option<String>,
    /// Notes.
    pub notes: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Identifier of the run; `None` for a new one.
    pub id: Option<String>,
    /// Folder in which the folder `wandb` is made; `None` for the output folder.
    pub folder: Option<PathBuf>,
}

impl Settings {
    /// Takes the settings from environment variables.
    ///
    /// # Errors
    /// The unknown value of `WANDB_MODE`.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mode = match set("WANDB_MODE").as_deref() {
            None | Some("online" | "offline" | "dryrun" | "run" | "shared") => Mode::Offline,
            Some("disabled") => Mode::Disabled,
            Some(other) => {
                return Err(format!("WANDB_MODE is {other}; give online, offline or disabled"));
            }
        };
        let tags = set("WANDB_TAGS").unwrap_or_default();
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        Ok(Self {
            mode,
            project: set("WANDB_PROJECT").unwrap_or_else(|| PROJECT.to_owned()),
            entity: set("WANDB_ENTITY"),
            group: set("WANDB_RUN_GROUP"),
            job_type: set("WANDB_JOB_TYPE"),
            name: set("WANDB_NAME"),
            notes: set("WANDB_NOTES"),
            tags,
            id: set("WANDB_RUN_ID"),
            folder: set("WANDB_DIR").map(PathBuf::from),
        })
    }
}

/// Returns a new identifier of a run: 8 letters and digits, as the client makes them.
pub fn new_id() -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let (_, mut random) = uuid::Uuid::now_v7().as_u64_pair();
    let digit = |_| {
        let digit = DIGITS[(random % 36) as usize];
        random /= 36;
        char::from(digit)
    };
    (0..8).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_variables() {
        let variables = [
            ("WANDB_PROJECT", "tissue"),
            ("WANDB_TAGS", "a, b,,"),
            ("WANDB_MODE", "online"),
            ("WANDB_DIR", "/runs"),
            ("WANDB_NAME", ""),
        ];
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::from_env(lookup).unwrap();
        assert_eq!((settings.project.as_str(), settings.mode), ("tissue", Mode::Offline));
        assert_eq!((settings.tags, settings.name), (vec!["a".to_owned(), "b".to_owned()], None));
        assert_eq!(settings.folder, Some(PathBuf::from("/runs")));

        let mode = |value: &'static str| {
            Settings::from_env(move |name| (name == "WANDB_MODE").then(|| value.to_owned()))
        };
        assert_eq!(mode("disabled").unwrap().mode, Mode::Disabled);
        assert!(mode("nowhere").unwrap_err().contains("nowhere"));
    }

    #[test]
    fn identifiers_differ() {
        let ids: Vec<String> = (0..100).map(|_| new_id()).collect();
        assert!(ids.iter().all(|id| id.len() == 8 && id.chars().all(|c| c.is_ascii_alphanumeric())));
        let different: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }
}
