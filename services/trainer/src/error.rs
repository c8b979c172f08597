//! Errors of usage or configuration, which exit with 2 where others exit with 1.

/// What was asked for can't be done, whatever the data: the command line or the configuration must change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub String);

/// Makes any error one of usage.
pub(crate) fn usage(error: impl std::fmt::Display) -> anyhow::Error {
    Usage(error.to_string()).into()
}
