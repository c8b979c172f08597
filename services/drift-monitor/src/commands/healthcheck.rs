//! `bcs-drift-monitor healthcheck`: asks the server on this machine whether it is ready.

use std::path::Path;

use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, healthcheck};

use crate::outcome::Outcome;
use crate::settings::Settings;

/// Checks the server that these settings belong to.
///
/// # Errors
/// [`Failure::Usage`] for invalid settings; [`Failure::Failed`] if the server is not ready.
pub(super) fn run(config: Option<&Path>) -> Result<Outcome, Failure> {
    let server = Settings::load(config)?.server;
    healthcheck::check(&server.host, server.port, "/ready").map(|()| Outcome::Done)
}
