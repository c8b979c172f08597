//! `bcs-drift-monitor reference`: makes a drift reference from images alone, without a model.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use bcs_contracts::{FeatureTable, Features, origin};
use bcs_drift::reference;
use bcs_imaging::{EXTENSIONS, Limits, decode, features, is_image};
use bcs_service::Failure;
use rayon::prelude::*;

use crate::cli::ReferenceArguments;
use crate::outcome::Outcome;
use bcs_service::progress::Progress;

/// Measures the images and writes the reference. An image that cannot be read is reported on standard error, and the
/// reference is made from the others.
///
/// # Errors
/// [`Failure::Usage`] without images; [`Failure::Failed`] if any image cannot be read or the output cannot be written.
pub(super) fn run(arguments: &ReferenceArguments) -> Result<Outcome, Failure> {
    let folder = &arguments.images;
    let mut images = Vec::new();
    find(folder, &mut images).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}; correct --images", folder.display()))
    })?;
    if images.is_empty() {
        let extensions = EXTENSIONS.join(", ");
        return Err(Failure::usage(format!(
            "no image ({extensions}) in {}; correct --images",
            folder.display()
        )));
    }
    images.sort_unstable();
    let measured = measure_all(&images, [arguments.tile; 2]);
    let mut rows = FeatureTable::default();
    measured.iter().for_each(|(case, features)| rows.push(case.clone(), features));
    let reference = reference::build("", rows, FeatureTable::default()).map_err(|error| {
        Failure::failed(format!(
            "cannot make a reference from the {} images in {}: {error}",
            images.len(),
            folder.display()
        ))
    })?;
    write(&arguments.output, &serde_json::to_vec(&reference).map_err(Failure::failed)?)?;
    println!(
        "Wrote {} features of {} images to {}",
        reference.image.features.len(),
        reference.image.rows(),
        arguments.output.display()
    );
    match images.len() - measured.len() {
        0 => Ok(Outcome::Done),
        failed => Err(Failure::failed(format!(
            "{failed} of {} images were left out; see the messages above",
            images.len()
        ))),
    }
}

/// Returns case and features of each image that can be read. `window` is height and width of the feature window.
fn measure_all(images: &[PathBuf], window: [u32; 2]) -> Vec<(Option<String>, Features)> {
    let progress = Progress::new("Measured", images.len());
    let measured = images.par_iter().filter_map(|path| {
        let features = measure(path, window);
        progress.step();
        let case = path.file_name().and_then(|name| origin::case_of(&name.to_string_lossy()));
        features
            .map(|features| (case, features))
            .map_err(|reason| progress.print(&format!("{}: {reason}", path.display())))
            .ok()
    });
    measured.collect()
}

fn measure(path: &Path, window: [u32; 2]) -> Result<Features, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read the file: {error}"))?;
    // A decoder that panics on one image must not stop the others.
    let decoded = catch_unwind(|| decode(&bytes, Limits::default())).map_err(|_| {
        "the image is damaged in a way that the decoder cannot handle; save it again, for example as PNG"
            .to_owned()
    })?;
    Ok(features::measure(&decoded.map_err(|error| error.to_string())?.rgb, window))
}

/// Collects the images of a folder and its subfolders.
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

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = match path.parent() {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)),
        None => fs::write(path, bytes),
    };
    written.map_err(|error| {
        Failure::failed(format!("cannot write {}: {error}; choose another --output", path.display()))
    })
}
