//! Exit codes of successful commands.

use std::process::ExitCode;

/// Result of a command that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to signal.
    Done,
    /// Drift, to be signalled by the exit code.
    Drift,
    /// Nothing could be judged, to be signalled by the exit code.
    NotJudged,
}

impl Outcome {
    /// Returns the outcome of a comparison if `--fail-on-drift` is given.
    pub fn of(outcome: bcs_drift::Outcome, fail_on_drift: bool) -> Self {
        match outcome {
            _ if !fail_on_drift => Self::Done,
            bcs_drift::Outcome::NoDrift => Self::Done,
            bcs_drift::Outcome::Drift => Self::Drift,
            bcs_drift::Outcome::NotJudged => Self::NotJudged,
        }
    }

    /// Returns the exit code: 3 for drift, 4 if nothing could be judged, otherwise 0.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Drift => ExitCode::from(3),
            Self::NotJudged => ExitCode::from(4),
        }
    }
}
