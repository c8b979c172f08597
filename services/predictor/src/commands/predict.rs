//! `bcs-predictor predict`: segments an image or a folder of them, without a server.

mod logits;
mod sources;

use std::fmt::Display;
use std::fs;
use std::path::Path;

use bcs_imaging::Limits;
use bcs_inference::{Engine, Segmentation, SlidingWindow};
use uuid::Uuid;

use crate::cli::PredictArguments;
use crate::failure::Failure;
use crate::input::{Arrival, Input};
use crate::render::{self, Look};
use crate::settings::local;
use crate::{model, record};

/// Segments.
///
/// # Errors
/// [`Failure`]; a file that can't be segmented is named, and the others are segmented all the same.
pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let named =
        [("--model", &arguments.model), ("--input", &arguments.input), ("--output", &arguments.output)];
    for (name, path) in named {
        local(path, name)?;
    }
    let images = sources::find(&arguments.input, &arguments.output)?;
    if arguments.logits.is_some() && images.len() != 1 {
        return Err(Failure::usage(format!(
            "--logits takes exactly one image, and {} has {}; name one file with --input",
            arguments.input.display(),
            images.len()
        )));
    }
    let mut engine = model::open(&arguments.model, &arguments.device, None).map_err(Failure::usage)?;
    make_folder(&arguments.output)?;

    let mut failed = 0;
    for image in &images {
        if let Err(reason) = segment(engine.as_mut(), image, arguments) {
            eprintln!("{}: {reason}", image.display());
            failed += 1;
        }
    }
    println!(
        "{} of {} images segmented into {}",
        images.len() - failed,
        images.len(),
        arguments.output.display()
    );
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{failed} of {} images were not segmented; they are named above",
        images.len()
    )))
}

/// Writes mask, overlay and record of one image, and its logits where they are asked for.
fn segment(engine: &mut dyn Engine, path: &Path, arguments: &PredictArguments) -> Result<(), String> {
    let arrival = Arrival::now();
    let bytes = fs::read(path).map_err(|error| format!("it can't be read: {error}"))?;
    let input = Input::read(&bytes, Limits::default(), arrival).map_err(text)?;
    let window = SlidingWindow::default();
    let logits = window.run(engine, &input.image).map_err(text)?;
    let segmentation = Segmentation::from_logits(&logits).map_err(text)?;

    let name = sources::stem(path);
    let write = |ending: &str, bytes: &[u8]| write(&arguments.output.join(format!("{name}{ending}")), bytes);
    let model = engine.info();
    let mask = &segmentation.mask;
    write("_mask.png", &render::mask(mask, &model.classes).map_err(text)?)?;
    let overlay = render::overlay(input.image.clone(), mask, &model.classes, Look::default());
    write("_overlay.png", &overlay.map_err(text)?)?;
    let record = record::describe(Uuid::now_v7(), &input, &segmentation, model, format!("{name}_mask.png"));
    write(".json", format!("{}\n", serde_json::to_string_pretty(&record).map_err(text)?).as_bytes())?;
    if let Some(file) = &arguments.logits {
        let raw = logits::raw(engine, &input.image, logits).map_err(text)?;
        self::write(file, &logits::safetensors(&raw)?)?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::failed(format!(
            "the folder {} can't be made: {error}; choose another --output",
            folder.display()
        ))
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("{} can't be written: {error}", path.display()))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
