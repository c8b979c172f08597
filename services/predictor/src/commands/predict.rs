//! `bcs-predictor predict`: segments an image or a folder of images, without a server.

mod logits;
mod sources;

use std::fmt::Display;
use std::fs;
use std::path::Path;

use bcs_drift::novelty::Novelty;
use bcs_imaging::Limits;
use bcs_inference::{Engine, Segmentation, SlidingWindow};
use bcs_service::Failure;
use bcs_service::settings::require_local;
use image::RgbImage;
use uuid::Uuid;

use crate::cli::{PredictArguments, WindowArguments};
use crate::input::{Input, ReceiveTime};
use crate::origin::Origin;
use crate::render::{self, OverlayStyle};
use crate::{model, record};

/// Runs the subcommand. An image that cannot be segmented is reported on standard error, and the others are segmented.
///
/// # Errors
/// [`Failure::Usage`] for invalid arguments; [`Failure::Failed`] if any image was not segmented.
pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let paths =
        [("--model", &arguments.model), ("--input", &arguments.input), ("--output", &arguments.output)];
    for (name, path) in paths {
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
    let mut engine = model::open(&arguments.model, &arguments.device, None).map_err(Failure::usage)?;
    SlidingWindow::from(&arguments.window).check(engine.info()).map_err(Failure::usage)?;
    let novelty = record::novelty(engine.info());
    create_folder(&arguments.output)?;

    let mut failed = 0;
    for image in &images {
        if let Err(reason) = segment(engine.as_mut(), novelty.as_ref(), image, arguments) {
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
fn segment(
    engine: &mut dyn Engine,
    novelty: Option<&Novelty>,
    path: &Path,
    arguments: &PredictArguments,
) -> Result<(), String> {
    let received = ReceiveTime::now();
    let bytes = fs::read(path).map_err(|error| format!("cannot read the file: {error}"))?;
    let origin = Origin::new(arguments.source.clone(), arguments.case.clone(), path.to_str());
    let input = Input::read(&bytes, Limits::default(), engine.info().tile, origin, received);
    let input = input.map_err(text)?;
    drop(bytes);
    let segmentation = infer(engine, &input.image, arguments)?;

    let name = sources::stem(path);
    let write_output =
        |suffix: &str, bytes: &[u8]| write(&arguments.output.join(format!("{name}{suffix}")), bytes);
    let model = engine.info();
    let mask = &segmentation.mask;
    write_output("_mask.png", &render::mask(mask, &model.classes).map_err(text)?)?;
    let record =
        record::describe(Uuid::now_v7(), &input, &segmentation, model, novelty, format!("{name}_mask.png"));
    let json = serde_json::to_string_pretty(&record).map_err(text)?;
    // Takes the image, so that the overlay is drawn without a copy of it.
    let overlay = render::overlay(input.image, mask, &model.classes, OverlayStyle::default());
    write_output("_overlay.png", &overlay.map_err(text)?)?;
    write_output(".json", format!("{json}\n").as_bytes())
}

/// Segments one image, and writes its logits if requested.
fn infer(
    engine: &mut dyn Engine,
    image: &RgbImage,
    arguments: &PredictArguments,
) -> Result<Segmentation, String> {
    let logits = SlidingWindow::from(&arguments.window).run(engine, image).map_err(text)?;
    let segmentation = Segmentation::from_logits(&logits).map_err(text)?;
    if let Some(file) = &arguments.logits {
        let is_default = arguments.window == WindowArguments::default();
        let whole = if is_default { logits::whole(engine, image).map_err(text)? } else { None };
        let written = logits::write(file, &whole.unwrap_or(logits));
        written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(segmentation)
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
