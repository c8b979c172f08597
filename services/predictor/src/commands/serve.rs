//! `bcs-predictor serve`: listens immediately and loads the model in the background.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bcs_contracts::DriftReference;
use bcs_inference::Inference;
use bcs_service::health::{Health, State};
use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, logging, server};
use bcs_storage::{LocalStore, Store};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::app::{self, App};
use crate::cli::ServeArguments;
use crate::model;
use crate::settings::{Settings, Storage};

/// Time that the inference thread may take to finish after the server has stopped, which takes up to 7 s. Platforms kill
/// the process 10 s after the stop signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves until a stop signal.
///
/// # Errors
/// [`Failure::Usage`] for invalid settings; [`Failure::Failed`] if the server cannot start or fails.
pub(super) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    logging::start()?;
    let settings = Settings::load(arguments.config.as_deref())?;
    let model = settings.model_path()?.to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))?;
    let result = runtime.block_on(serve(settings, model));
    // Does not wait for image processing whose requests were aborted.
    runtime.shutdown_background();
    result
}

async fn serve(settings: Settings, model: PathBuf) -> Result<(), Failure> {
    // First: platforms wait for the socket and give up on a process without one.
    let (listener, address) =
        server::bind(&settings.server.host, settings.server.port).await.map_err(Failure::failed)?;
    let store = open_store(&settings.storage).await?;
    let health = Health::default();
    let limits = settings.connections.serve(&settings.limits);
    let (inference, ended) = start_inference(&settings, model, health.clone());
    let store_name = store.name();
    let app = Arc::new(App::new(settings, store, inference, health.clone())?);
    let router = app::router(Arc::clone(&app))?;
    tokio::spawn(log_start(Arc::clone(&app)));
    let stopping = health.clone();
    tokio::spawn(async move { app.admission.refuse_slow_when_stopping(&stopping).await });
    info!(address, store = store_name, "Listening on {address}");
    server::serve(listener, router, health, limits).await;
    // libtorch crashes in its destructors if the process exits while it runs.
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, ended).await;
    Ok(())
}

/// Opens the store and checks that it is writable.
async fn open_store(storage: &Storage) -> Result<Arc<dyn Store>, Failure> {
    let refused = |error: bcs_storage::Error| {
        Failure::failed(format!(
            "predictions cannot be stored: {error}; set PREDICTIONS_BUCKET to a writable folder"
        ))
    };
    let store: Arc<dyn Store> = Arc::new(LocalStore::open(&storage.predictions_bucket).map_err(refused)?);
    store.probe().await.map_err(refused)?;
    Ok(store)
}

/// Starts the thread that loads and runs the model. The receiver completes when that thread has ended.
fn start_inference(
    settings: &Settings,
    path: PathBuf,
    health: Health,
) -> (Inference, oneshot::Receiver<Infallible>) {
    let (running, ended) = oneshot::channel();
    let report = move |answered: Result<(), String>| {
        // Dropped with this closure, when the thread ends.
        let _running = &running;
        health.set(answered.map_or_else(State::Failed, |()| State::Ready));
    };
    let (device, threads) = (settings.model.device.clone(), settings.model.threads);
    let open = move || model::open(&path, &device, threads);
    let queue = settings.limits.queue.get();
    (Inference::start(open, (&settings.window).into(), queue, Box::new(report)), ended)
}

/// Logs whether the model was loaded, and creates its novelty scorer.
async fn log_start(app: Arc<App>) {
    match app.health.started().await {
        State::Ready => {
            let Some(model) = app.inference.info() else { return };
            let (version, device) = (&model.version, &model.device);
            info!(version, architecture = model.architecture, device, "The model is ready.");
            if let Some(shortcomings) = model.reference.as_ref().and_then(DriftReference::shortcomings) {
                warn!(version, shortcomings, "Drift scores cover the model features only.");
            }
            let (app, model) = (Arc::clone(&app), Arc::clone(model));
            // Before the first request needs it. Cancelled only at shutdown.
            let _ = tokio::task::spawn_blocking(move || app.novelty(&model).is_some()).await;
        }
        State::Failed(reason) => {
            error!(reason, "The model failed, so /ready is 503; correct MODEL_PATH and restart.");
        }
        State::Starting | State::Stopping => {}
    }
}
