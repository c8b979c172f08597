//! `bcs-drift-monitor reference`: a reference of images alone, where there is no model yet.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use bcs_contracts::package::InputSpec;
use bcs_contracts::{FeatureTable, Features, origin};
use bcs_drift::reference;
use bcs_imaging::{Limits, decode, features};
use rayon::prelude::*;

use crate::cli::ReferenceArguments;
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;

/// Endings of the formats that are read.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp"];

/// Measures the images and writes the reference.
///
/// # Errors
/// [`Failure`]; an image that can't be read is named, and the reference is made of the others all the same.
pub(super) fn run(arguments: &ReferenceArguments) -> Result<Outcome, Failure> {
    let folder = &arguments.images;
    let mut images = Vec::new();
    find(folder, &mut images).map_err(|error| {
        Failure::usage(format!("{} can't be read: {error}; correct --images", folder.display()))
    })?;
    if images.is_empty() {
        let endings = ENDINGS.join(", ");
        return Err(Failure::usage(format!(
            "there is no image ({endings}) in {}; correct --images",
            folder.display()
        )));
    }
    images.sort_unstable();
    let measured = measure_all(&images);
    let mut rows = FeatureTable::default();
    measured.iter().for_each(|(case, features)| rows.push(case.clone(), features));
    let reference = reference::build("", rows, FeatureTable::default()).map_err(|error| {
        Failure::failed(format!(
            "none of the {} images in {} can be read: {error}",
            images.len(),
            folder.display()
        ))
    })?;
    write(&arguments.output, &serde_json::to_vec(&reference).map_err(Failure::failed)?)?;
    println!(
        "{} features of {} images written to {}",
        reference.image.features.len(),
        reference.image.rows(),
        arguments.output.display()
    );
    match images.len() - measured.len() {
        0 => Ok(Outcome::Done),
        failed => Err(Failure::failed(format!(
            "{failed} of {} images were left out; they are named above",
            images.len()
        ))),
    }
}

fn measure_all(images: &[PathBuf]) -> Vec<(Option<String>, Features)> {
    let progress = Progress::new("measured", images.len());
    let measured = images.par_iter().filter_map(|path| {
        let features = measure(path);
        progress.step();
        let case = path.file_name().and_then(|name| origin::case_of(&name.to_string_lossy()));
        features
            .map(|features| (case, features))
            .map_err(|reason| progress.say(&format!("{}: {reason}", path.display())))
            .ok()
    });
    measured.collect()
}

fn measure(path: &Path) -> Result<Features, String> {
    let bytes = fs::read(path).map_err(|error| format!("it can't be read: {error}"))?;
    // A decoder that gives up on one image shall not end the others.
    let decoded = catch_unwind(|| decode(&bytes, Limits::default())).map_err(|_| {
        "it is damaged in a way that its decoder can't handle; save it again, as PNG say".to_owned()
    })?;
    Ok(features::measure(&decoded.map_err(|error| error.to_string())?.rgb, InputSpec::default().tile))
}

fn find(folder: &Path, images: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, images)?;
        } else if is_image(&path) {
            images.push(path);
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = match path.parent() {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)),
        None => fs::write(path, bytes),
    };
    written.map_err(|error| {
        Failure::failed(format!("{} can't be written: {error}; correct --output", path.display()))
    })
}
