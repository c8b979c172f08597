//! Exit codes of successful commands.

use std::process::ExitCode;

/// Result of a command that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to signal.
    Done,
    /// Drift, to be signalled by the exit code.
    Drift,
}

impl Outcome {
    /// Returns [`Outcome::Drift`] if there is drift and `--fail-on-drift` is given.
    pub fn of(drift: bool, fail_on_drift: bool) -> Self {
        if drift && fail_on_drift { Self::Drift } else { Self::Done }
    }

    /// Returns the exit code: 3 for drift, otherwise 0.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Drift => ExitCode::from(3),
        }
    }
}
