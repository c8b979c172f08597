//! Why the program ended, as its exit code says it.

use std::process::ExitCode;

use crate::error::Error;

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As wanted.
    Done,
    /// There is drift, and whoever called wants to be told by the exit code.
    Drift,
}

impl Outcome {
    /// [`Outcome::Drift`] where there is drift and it shall show.
    pub fn of(drift: bool, fail_on_drift: bool) -> Self {
        if drift && fail_on_drift { Self::Drift } else { Self::Done }
    }

    /// 3 for drift, else 0.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Drift => ExitCode::from(3),
        }
    }
}

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
    #[expect(clippy::needless_pass_by_value, reason = "so that it can be handed to map_err by name")]
    pub fn usage(reason: impl ToString) -> Self {
        Self::Usage(reason.to_string())
    }

    /// A failure of the work itself.
    #[expect(clippy::needless_pass_by_value, reason = "so that it can be handed to map_err by name")]
    pub fn failed(reason: impl ToString) -> Self {
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_the_requests() { Self::usage(error) } else { Self::failed(error) }
    }
}
