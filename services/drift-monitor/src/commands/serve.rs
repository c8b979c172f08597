//! `bcs-drift-monitor serve`: listens at once, reads the reference meanwhile, and stops when told to.

use std::path::Path;
use std::sync::Arc;

use bcs_service::{Health, logging, server};
use tracing::{error, info};

use crate::app::{self, App};
use crate::failure::{Failure, Outcome};
use crate::monitor::Monitor;
use crate::settings::Settings;
use crate::stores;

/// Serves until told to stop.
///
/// # Errors
/// [`Failure`].
pub(super) fn run(config: Option<&Path>) -> Result<Outcome, Failure> {
    logging::start().map_err(Failure::usage)?;
    let settings = Settings::load(config)?;
    settings.check_protection()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the threads that answer can't be started: {error}")))?;
    let result = runtime.block_on(serve(&settings));
    // A comparison that nobody waits for any more does not hold up the end.
    runtime.shutdown_background();
    result.map(|()| Outcome::Done)
}

async fn serve(settings: &Settings) -> Result<(), Failure> {
    // First of all: platforms look for the socket, and give up on a process that has none.
    let (listener, address) =
        server::bind(&settings.server.host, settings.server.port).await.map_err(Failure::failed)?;
    let monitor = Monitor::new(stores::open(settings)?, settings);
    let health = Health::default();
    let app = Arc::new(App::new(monitor, health.clone())?);
    let router = app::router(Arc::clone(&app));
    info!(address, reports = app.monitor.archive.store().name(), "Listening on {address}");
    tokio::spawn(announce(app));
    server::serve(listener, router, health)
        .await
        .map_err(|error| Failure::failed(format!("the server failed: {error}")))
}

/// Reads the reference before the first run asks for it, and says in the log how that went.
async fn announce(app: Arc<App>) {
    match app.monitor.package.baseline().await {
        Ok(baseline) => {
            let (version, features) = (&baseline.version, baseline.table.columns.len());
            info!(version, features, images = baseline.table.rows, "The reference is ready.");
        }
        Err(error) => {
            error!(reason = error.to_string(), "There is no reference: /ready is 503 until there is one.");
        }
    }
}
