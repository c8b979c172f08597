//! `bcs-drift-monitor serve`: listens immediately and reads the drift reference in the background.

use std::path::Path;
use std::sync::Arc;

use bcs_service::guard::tokens::IdTokens;
use bcs_service::server::ServeLimits;
use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, Health, logging, server};
use tracing::{error, info, warn};

use crate::app::{self, App};
use crate::monitor::Monitor;
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::stores;

/// Serves until a stop signal.
///
/// # Errors
/// [`Failure::Usage`] for invalid settings; [`Failure::Failed`] if the server cannot start or fails.
pub(super) fn run(config: Option<&Path>) -> Result<Outcome, Failure> {
    logging::start()?;
    let settings = Settings::load(config)?;
    let tokens = settings.server.oidc.open()?.map(Arc::new);
    let runtime = super::runtime()?;
    let result = runtime.block_on(serve(&settings, tokens));
    // Does not wait for comparisons whose requests were aborted.
    runtime.shutdown_background();
    result.map(|()| Outcome::Done)
}

async fn serve(settings: &Settings, tokens: Option<Arc<IdTokens>>) -> Result<(), Failure> {
    // First: platforms wait for the socket and give up on a process without one.
    let (listener, address) =
        server::bind(&settings.server.host, settings.server.port).await.map_err(Failure::failed)?;
    let monitor = Arc::new(Monitor::new(stores::open(settings).await?, settings)?);
    let health = Health::default();
    let app = Arc::new(App::new(monitor, health.clone())?);
    let router = app::router(Arc::clone(&app), tokens);
    info!(address, reports = app.monitor.archive.store().name(), "Listening on {address}");
    tokio::spawn(log_reference(app));
    server::serve(listener, router, health, ServeLimits::default()).await;
    Ok(())
}

/// Reads the drift reference before the first run needs it, and logs the result.
async fn log_reference(app: Arc<App>) {
    match app.monitor.package.baseline().await {
        Ok(baseline) => {
            let (version, features) = (&baseline.version, baseline.table.names().len());
            info!(version, features, images = baseline.table.rows, "The drift reference is ready.");
            for note in &baseline.notes {
                warn!(version, note, "The drift reference has a note.");
            }
        }
        Err(error) => {
            error!(
                reason = error.to_string(),
                "The drift reference cannot be read; /ready is 503 until it can."
            );
        }
    }
}
