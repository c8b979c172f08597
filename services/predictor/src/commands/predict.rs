//! `bcs-predictor predict`: segments an image or a folder of images, without a server.

mod logits;
mod sources;

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bcs_contracts::tile_name;
use bcs_imaging::Limits;
use bcs_inference::scheduler::{self, Hooks};
use bcs_inference::{Inference, Model, SlidingWindow};
use bcs_service::admission::{Admission, AdmissionLimits, Ticket};
use bcs_service::health::State;
use bcs_service::settings::require_local;
use bcs_service::{Failure, Metrics};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::cli::{PredictArguments, WindowArguments};
use crate::error::Error;
use crate::input::ReceiveTime;
use crate::metrics::PredictionMetrics;
use crate::model::Source;
use crate::origin::Origin;
use crate::predictor::{Options, Predictor};
use crate::render::OverlayStyle;
use crate::workers::Workers;

/// Time that one image may take. There is no other request to be fair to.
const TIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Time that the threads of the model may take to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the subcommand. An image that cannot be segmented is reported on standard error, and the others are segmented.
///
/// # Errors
/// [`Failure::Usage`] for invalid arguments; [`Failure::Failed`] if any image was not segmented.
pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    for (name, path) in [("--input", &arguments.input), ("--output", &arguments.output)] {
        require_local(path, name)?;
    }
    let images = sources::find(&arguments.input, &arguments.output)?;
    if arguments.logits.is_some() && images.len() != 1 {
        return Err(Failure::usage(format!(
            "--logits needs exactly one image, but {} has {}; set --input to one file",
            arguments.input.display(),
            images.len()
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))?;
    let predictor = start(arguments)?;
    let result = runtime.block_on(segment_all(&predictor, &images, arguments));
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
    let source = Source::new(arguments.model.clone(), arguments.device.clone(), None)?;
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
    let predictor = Predictor::new(inference, window, Workers::new(1), Limits::default(), metrics);
    if let Some(model) = predictor.inference.current() {
        window.check(&model.model().info).map_err(Failure::usage)?;
    }
    Ok(predictor)
}

async fn segment_all(
    predictor: &Predictor,
    images: &[std::path::PathBuf],
    arguments: &PredictArguments,
) -> Result<(), Failure> {
    create_folder(&arguments.output)?;
    let mut failed = 0;
    for image in images {
        if let Err(reason) = segment(predictor, image, arguments).await {
            eprintln!("{}: {reason}", image.display());
            failed += 1;
        }
    }
    println!(
        "Segmented {} of {} images into {}",
        images.len() - failed,
        images.len(),
        arguments.output.display()
    );
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{failed} of {} images were not segmented; see the messages above",
        images.len()
    )))
}

/// Writes mask, overlay and record of one image, and its logits if requested.
async fn segment(predictor: &Predictor, path: &Path, arguments: &PredictArguments) -> Result<(), String> {
    let received = ReceiveTime::now();
    let bytes = Bytes::from(fs::read(path).map_err(|error| format!("cannot read the file: {error}"))?);
    let origin = Origin::new(arguments.source.clone(), arguments.case.clone(), path.to_str());
    let mpp = path.file_name().and_then(|name| tile_name::mpp(name.to_str()?));
    let overlay = Some(OverlayStyle::default());
    let options = Options { origin, received, mpp, overlay, ..Options::default() };
    let ticket = ticket(bytes.len() as u64).await.map_err(text)?;
    let not_ready = || Error::NotReady(State::Starting);
    let prediction = predictor.predict(bytes.clone(), options, ticket, not_ready).await.map_err(text)?;

    let name = sources::stem(path);
    let write_output =
        |suffix: &str, bytes: &[u8]| write(&arguments.output.join(format!("{name}{suffix}")), bytes);
    write_output("_mask.png", &prediction.rendered.mask)?;
    if let Some(overlay) = &prediction.rendered.overlay {
        write_output("_overlay.png", overlay)?;
    }
    let record = prediction.record(format!("{name}_mask.png"));
    let json = serde_json::to_string_pretty(&record).map_err(text)?;
    write_output(".json", format!("{json}\n").as_bytes())?;
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

fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::failed(format!(
            "cannot create the folder {}: {error}; choose another --output",
            folder.display()
        ))
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
