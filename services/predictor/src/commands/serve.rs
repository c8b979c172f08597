//! `bcs-predictor serve`: listens at once, opens the model meanwhile, and stops when told to.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bcs_inference::Inference;
use bcs_service::health::{Health, State};
use bcs_service::{logging, server};
use bcs_storage::{LocalStore, Store};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::app::{self, App};
use crate::cli::ServeArguments;
use crate::failure::Failure;
use crate::model;
use crate::settings::{Settings, Storage};

/// How long the model may take to end what it runs, or to be opened, when the server has ended. Where nothing is
/// being answered, that is at once, and platforms kill 10 s after they ask.
const FAREWELL: Duration = Duration::from_secs(8);

/// Serves until told to stop.
///
/// # Errors
/// [`Failure`].
pub(super) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    logging::start().map_err(Failure::usage)?;
    let settings = Settings::load(arguments.config.as_deref())?;
    let model = settings.model_path()?.to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the threads that answer can't be started: {error}")))?;
    let result = runtime.block_on(serve(settings, model));
    // Work on pixels that nobody waits for any more does not hold up the end.
    runtime.shutdown_background();
    result
}

async fn serve(settings: Settings, model: PathBuf) -> Result<(), Failure> {
    // First of all: platforms look for the socket, and give up on a process that has none.
    let (listener, address) =
        server::bind(&settings.server.host, settings.server.port).await.map_err(Failure::failed)?;
    let store = open_store(&settings.storage).await?;
    let health = Health::default();
    let (inference, ended) = start_inference(&settings, model, health.clone());
    let store_name = store.name();
    let app = Arc::new(App::new(settings, store, inference, health.clone())?);
    let router = app::router(Arc::clone(&app))?;
    tokio::spawn(announce(app));
    info!(address, store = store_name, "Listening on {address}");
    let served = server::serve(listener, router, health).await;
    // A process that ends while libtorch works crashes in its destructors.
    let _ = tokio::time::timeout(FAREWELL, ended).await;
    served.map_err(|error| Failure::failed(format!("the server failed: {error}")))
}

/// The store, proven to be writable.
async fn open_store(storage: &Storage) -> Result<Arc<dyn Store>, Failure> {
    let refused = |error: bcs_storage::Error| {
        Failure::failed(format!(
            "predictions can't be stored: {error}; set PREDICTIONS_BUCKET to a folder that can be written"
        ))
    };
    let store: Arc<dyn Store> = Arc::new(LocalStore::open(&storage.predictions_bucket).map_err(refused)?);
    store.probe().await.map_err(refused)?;
    Ok(store)
}

/// Starts the thread that opens and runs the model. What comes second ends when that thread has ended.
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

/// Says in the log how opening the model went.
async fn announce(app: Arc<App>) {
    match app.health.settled().await {
        State::Ready => {
            if let Some(model) = app.inference.info() {
                let (version, device) = (&model.version, &model.device);
                info!(version, architecture = model.architecture, device, "The model is ready.");
            }
        }
        State::Failed(reason) => {
            error!(reason, "No model answers: /ready is 503; correct MODEL_PATH and start again.");
        }
        State::Starting | State::Stopping => {}
    }
}
