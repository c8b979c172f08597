//! Why the program ended, as its exit code says it.

use std::fmt::Display;
use std::process::ExitCode;

/// Why the program ended; the text says what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line or the configuration must change, whatever the data.
    #[error("{0}")]
    Usage(String),
    /// The work was begun and failed.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// A failure of usage or configuration.
    pub fn usage(reason: impl Display) -> Self {
        Self::Usage(reason.to_string())
    }

    /// A failure of the work itself.
    pub fn failed(reason: impl Display) -> Self {
        Self::Failed(reason.to_string())
    }

    /// 2 for usage and configuration, else 1.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}
