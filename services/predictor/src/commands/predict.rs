//! `bcs-predictor predict`: segments an image, or all images of a folder or bucket, without a server.

mod inputs;
mod logits;
mod task;

use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bcs_contracts::{PredictionRecord, tile_name};
use bcs_imaging::Limits;
use bcs_inference::scheduler::{self, Hooks};
use bcs_inference::{Inference, Model, Options as OpenOptions, SlidingWindow};
use bcs_service::admission::{Admission, AdmissionLimits, Ticket};
use bcs_service::health::State;
use bcs_service::progress::Progress;
use bcs_service::{Failure, Metrics};
use bcs_storage::{PutMode, Store};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::cli::{PredictArguments, WindowArguments};
use crate::error::Error;
use crate::input::ReceiveTime;
use crate::metrics::PredictionMetrics;
use crate::model::Source;
use crate::origin::Origin;
use crate::predictor::{Options, Predictor};
use crate::render::{OverlayStyle, Rendering};
use crate::workers::{self, Workers};
use inputs::Input;
use task::Task;

/// Time that one image may take. There is no other request to be fair to.
const TIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Time that the threads of the model may take to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the subcommand. An image that cannot be segmented is reported on standard error, and the others are segmented.
///
/// # Errors
/// [`Failure::Usage`] for invalid arguments; [`Failure::Failed`] if any image was not segmented.
pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let task = Task::from_environment(|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))?;
    let images = runtime.block_on(inputs::find(&arguments.input, &arguments.output))?;
    if arguments.logits.is_some() && images.len() != 1 {
        return Err(Failure::usage(format!(
            "--logits needs exactly one image, but {} has {}; set --input to one file",
            arguments.input,
            images.len()
        )));
    }
    let predictor = start(arguments)?;
    let result = runtime.block_on(segment_all(&predictor, task.share(images), task.is_of_job(), arguments));
    predictor.inference.shutdown(Instant::now() + SHUTDOWN_TIMEOUT);
    result
}

/// Opens the model.
fn start(arguments: &PredictArguments) -> Result<Predictor, Failure> {
    let (opened, health) = mpsc::channel();
    let hooks = Hooks {
        health: Box::new(move |health| {
            // Only the first one is received.
            let _ = opened.send(health);
        }),
        ..Hooks::default()
    };
    let open = OpenOptions { engine: arguments.engine, ..OpenOptions::on(&arguments.device) };
    let source = Source::new(arguments.model.clone(), open, None)?;
    let window = SlidingWindow::from(&arguments.window);
    let options = scheduler::Options { window, ..scheduler::Options::default() };
    let inference = Inference::start(source, options, hooks);
    match health.recv() {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => {
            inference.shutdown(Instant::now() + SHUTDOWN_TIMEOUT);
            return Err(Failure::Usage(reason));
        }
        Err(_) => return Err(Failure::failed("the threads of the model can't be started")),
    }
    let metrics = Metrics::new("bcs_predictor").map_err(Failure::failed)?;
    let metrics = PredictionMetrics::register(&metrics).map_err(Failure::failed)?;
    let predictor =
        Predictor::new(inference, window, Workers::new(workers::cores()), Limits::default(), metrics);
    if let Some(model) = predictor.inference.current() {
        window.check(&model.model().info).map_err(Failure::usage)?;
    }
    Ok(predictor)
}

/// Segments images, as many at a time as there are cores; with `resume`, only those that have no record yet.
async fn segment_all(
    predictor: &Predictor,
    images: Vec<Input>,
    resume: bool,
    arguments: &PredictArguments,
) -> Result<(), Failure> {
    let total = images.len();
    let output = bcs_storage::open(&arguments.output)
        .await
        .map_err(|error| Failure::failed(format!("{error}; choose another --output")))?;
    let images =
        if resume || arguments.resume { not_done(images, predictor, output.as_ref()).await? } else { images };
    let (done, left) = (total - images.len(), images.len());
    let progress = Progress::new("segmented", left);
    let failed = AtomicUsize::new(0);
    let segmented = futures_util::stream::iter(&images).for_each_concurrent(workers::cores(), |image| {
        let (progress, failed, output) = (&progress, &failed, output.as_ref());
        async move {
            if let Err(reason) = segment(predictor, image, output, arguments).await {
                progress.print(&format!("{}: {reason}", image.path()));
                failed.fetch_add(1, Ordering::Relaxed);
            }
            progress.step();
        }
    });
    segmented.await;
    drop(progress);
    let failed = failed.into_inner();
    let skipped = if done > 0 { format!(", {done} were segmented before") } else { String::new() };
    println!("Segmented {} of {left} images into {}{skipped}", left - failed, arguments.output);
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("{failed} of {left} images were not segmented; see the messages above")))
}

/// Returns the images without a record that the current model made. A record is written last, so that an image that has
/// one is done.
async fn not_done(
    images: Vec<Input>,
    predictor: &Predictor,
    output: &dyn Store,
) -> Result<Vec<Input>, Failure> {
    let version = predictor.inference.current().map(|model| model.model().info.version.clone());
    let stored: HashSet<String> = output.list("").await.map_err(Failure::failed)?.into_iter().collect();
    let mut left = Vec::new();
    for image in images {
        let key = record_key(&image.name);
        let done = stored.contains(&key) && made_by(output, &key).await == version;
        if !done {
            left.push(image);
        }
    }
    Ok(left)
}

/// Returns the version of the model that made a record; `None` if it is not a record.
async fn made_by(output: &dyn Store, key: &str) -> Option<String> {
    let json = output.get(key).await.ok()?;
    serde_json::from_slice::<PredictionRecord>(&json).ok().map(|record| record.model_version)
}

fn record_key(name: &str) -> String {
    format!("{name}.json")
}

/// Writes mask, overlay and, last, the record of one image, and its logits if requested.
async fn segment(
    predictor: &Predictor,
    image: &Input,
    output: &dyn Store,
    arguments: &PredictArguments,
) -> Result<(), String> {
    let received = ReceiveTime::now();
    let bytes = image.read().await?;
    let path = image.path();
    let origin = Origin::new(arguments.source.clone(), arguments.case.clone(), Some(&path));
    let mpp = path.rsplit('/').next().and_then(tile_name::mpp);
    let rendering = Rendering { overlay: Some(OverlayStyle::default()), regions: false };
    let options = Options { origin, received, mpp, rendering, ..Options::default() };
    let ticket = ticket(bytes.len() as u64).await.map_err(text)?;
    let not_ready = || Error::NotReady(State::Starting);
    let prediction = predictor.predict(bytes.clone(), options, ticket, not_ready).await.map_err(text)?;

    let name = &image.name;
    let put = |key: String, bytes: Bytes| async move {
        output.put(&key, bytes, PutMode::Overwrite).await.map_err(text)
    };
    let mask = format!("{name}_mask.png");
    put(mask.clone(), prediction.rendered.mask.clone()).await?;
    if let Some(overlay) = &prediction.rendered.overlay {
        put(format!("{name}_overlay.png"), overlay.clone()).await?;
    }
    let mut json = serde_json::to_vec_pretty(&prediction.record(mask)).map_err(text)?;
    json.push(b'\n');
    put(record_key(name), json.into()).await?;
    if let Some(file) = &arguments.logits {
        write_logits(file, &prediction.model, &bytes, &arguments.window)?;
    }
    Ok(())
}

/// Writes the logits of an image, which no prediction keeps.
fn write_logits(file: &Path, model: &Model, bytes: &[u8], window: &WindowArguments) -> Result<(), String> {
    let mut engine = model.engine().map_err(text)?;
    let image = bcs_imaging::decode(bytes, Limits::default()).map_err(text)?.rgb;
    let is_default = *window == WindowArguments::default();
    let whole = if is_default { logits::whole(engine.as_mut(), &image).map_err(text)? } else { None };
    let logits = match whole {
        Some(logits) => logits,
        None => SlidingWindow::from(window).run(engine.as_mut(), &image).map_err(text)?,
    };
    logits::write(file, &logits).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// Returns a ticket that is never refused.
async fn ticket(bytes: u64) -> Result<Ticket, bcs_service::admission::Refused> {
    let limits = AdmissionLimits { upload_bytes: u64::MAX, pixel_bytes: u64::MAX, wait: TIME };
    Admission::new(limits).admit(bytes, Instant::now() + TIME, CancellationToken::new()).await
}

fn text(error: impl Display) -> String {
    error.to_string()
}
