//! `bcs-predictor healthcheck`: asks the server on this machine whether it is ready.

use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, healthcheck};

use crate::cli::ServeArguments;
use crate::settings::Settings;

/// Checks the server that these settings belong to.
///
/// # Errors
/// [`Failure::Usage`] for invalid settings; [`Failure::Failed`] if the server is not ready.
pub(super) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    let settings = Settings::load(arguments.config.as_deref())?;
    healthcheck::check(&settings.server.host, settings.server.port, "/ready")
}
