//! `bcs-predictor serve`: listens immediately and loads the model in the background.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_contracts::DriftReference;
use bcs_inference::Inference;
use bcs_inference::scheduler::Hooks;
use bcs_service::health::{Health, State};
use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, Metrics, logging, server};
use bcs_storage::{Store, uri};
use tracing::{info, warn};

use crate::app::{self, App};
use crate::cli::ServeArguments;
use crate::metrics::PredictionMetrics;
use crate::model::Source;
use crate::settings::{Settings, Storage};

/// Drift score below which the viewer calls an image unusual.
const UNUSUAL: f64 = 0.01;

/// Time that the model may take to finish its batches after the server has stopped, which takes up to 7 s. Platforms kill
/// the process 10 s after the stop signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Time in which a bucket must answer at the start; the socket is bound, but requests wait.
const BUCKET_TIME: Duration = Duration::from_secs(5);

/// Serves until a stop signal.
///
/// # Errors
/// [`Failure::Usage`] for invalid settings; [`Failure::Failed`] if the server cannot start or fails.
pub(super) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    logging::start()?;
    let settings = Settings::load(arguments.config.as_deref())?;
    let model = settings.model_path()?;
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
    let health = Health::default();
    let http_metrics = Metrics::new("bcs_predictor").map_err(Failure::failed)?;
    let metrics = PredictionMetrics::register(&http_metrics).map_err(Failure::failed)?;
    let limits = settings.connections.serve(&settings.limits);
    let source = Source::new(model, settings.model.options(), settings.model.cache.clone())?;
    // The model is loaded while the store is tried.
    let inference = start_inference(&settings, source, health.clone(), &metrics);
    let store = match open_store(&settings.storage).await {
        Ok(store) => store,
        Err(failure) => {
            stop(inference).await;
            return Err(failure);
        }
    };
    let store_name = store.name();
    let app = Arc::new(App::new(settings, store, inference.clone(), health.clone(), http_metrics, metrics));
    let router = app::router(Arc::clone(&app))?;
    tokio::spawn(prepare(Arc::clone(&app)));
    let stopping = health.clone();
    tokio::spawn(async move { app.admission.refuse_slow_when_stopping(&stopping).await });
    info!(address, store = store_name, "Listening on {address}");
    server::serve(listener, router, health, limits).await;
    stop(inference).await;
    Ok(())
}

/// Waits for the threads of the model: libtorch crashes in its destructors if the process exits while it computes.
async fn stop(inference: Inference) {
    let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
    let stopped = tokio::task::spawn_blocking(move || inference.shutdown(deadline)).await;
    if !stopped.unwrap_or(false) {
        warn!("The model has not finished its work in time.");
    }
}

/// Opens the store and checks that it can be used. A bucket that cannot be reached now may be later: `/ready` tells.
async fn open_store(storage: &Storage) -> Result<Arc<dyn Store>, Failure> {
    let refused = |error: bcs_storage::Error| {
        Failure::failed(format!(
            "predictions cannot be stored: {error}; set PREDICTIONS_BUCKET to a writable folder or bucket"
        ))
    };
    let bucket = storage.bucket();
    let store = bcs_storage::open(&bucket).await.map_err(refused)?;
    if !uri::is_uri(&bucket) {
        store.probe().await.map_err(refused)?;
        return Ok(store);
    }
    match store.until(Instant::now() + BUCKET_TIME).check().await {
        Err(error) if error.is_retryable() => {
            warn!(error = error.to_string(), "The bucket cannot be reached; /ready is 503 until it can.");
        }
        checked => checked.map_err(refused)?,
    }
    Ok(store)
}

/// Starts the threads that load and run the model.
fn start_inference(
    settings: &Settings,
    source: Source,
    health: Health,
    metrics: &PredictionMetrics,
) -> Inference {
    let batches = metrics.batch.clone();
    let hooks = Hooks {
        health: Box::new(move |answered| {
            health.set(answered.map_or_else(State::Failed, |()| State::Ready));
        }),
        batch: Box::new(move |windows| batches.observe(windows as f64)),
    };
    Inference::start(source, settings.scheduling(), hooks)
}

/// Creates the novelty scorer of the model once it is loaded, before the first request needs it.
async fn prepare(app: Arc<App>) {
    if app.health.started().await != State::Ready {
        return;
    }
    let Some(loaded) = app.predictor.inference.current() else { return };
    let model = Arc::clone(loaded.model());
    if let Some(shortcomings) = model.reference.as_ref().and_then(DriftReference::shortcomings) {
        warn!(version = model.info.version, shortcomings, "Drift scores cover the model features only.");
    }
    // Cancelled only at shutdown.
    let smallest =
        tokio::task::spawn_blocking(move || app.predictor.novelty(&model).map(|novelty| novelty.smallest()));
    if let Ok(Some(smallest)) = smallest.await
        && smallest > UNUSUAL
    {
        warn!(smallest, "The drift reference has too few cases for drift scores to call any image unusual.");
    }
}
