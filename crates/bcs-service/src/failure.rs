//! Errors of a program and their exit codes.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a program failed. The message states what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line or configuration is invalid.
    #[error("{0}")]
    Usage(String),
    /// The work itself failed.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// Creates a failure of usage or configuration.
    pub fn usage(reason: impl Display) -> Self {
        Self::Usage(reason.to_string())
    }

    /// Creates a failure of the work itself.
    pub fn failed(reason: impl Display) -> Self {
        Self::Failed(reason.to_string())
    }

    /// Returns the exit code: 2 for usage and configuration, otherwise 1.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}
