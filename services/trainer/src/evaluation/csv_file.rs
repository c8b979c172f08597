//! `evaluation.csv`: a row per image and class.

use std::path::Path;

use bcs_data::TileSet;
use fs_err as fs;

use super::cases::Cases;
use super::rows::Row;
use crate::error::Result;

const HEADER: [&str; 11] = [
    "image",
    "case",
    "class",
    "dice",
    "iou",
    "precision",
    "recall",
    "hd95",
    "surface_dice",
    "pixels",
    "predicted_pixels",
];

/// Writes the rows of all images. Undefined scores are empty, infinite distances `inf`; distances are in pixels.
///
/// # Errors
/// [`crate::error::Error::Csv`].
pub(super) fn write(
    path: &Path,
    tiles: &TileSet,
    cases: &Cases,
    classes: &[String],
    rows: &[Vec<Row>],
) -> Result<()> {
    let mut writer = csv::Writer::from_writer(fs::File::create(path)?);
    writer.write_record(HEADER)?;
    for (image, rows) in rows.iter().enumerate() {
        for (class, row) in classes.iter().zip(rows) {
            let scores =
                [row.dice, row.iou, row.precision, row.recall, row.hd95, row.surface_dice].map(field);
            let names =
                [tiles.pair(image).name.as_str(), cases.name_of(image), class.as_str()].map(str::to_owned);
            let pixels = [row.pixels, row.predicted].map(|count| count.to_string());
            writer.write_record(names.into_iter().chain(scores).chain(pixels))?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn field(value: f64) -> String {
    if value.is_nan() { String::new() } else { value.to_string() }
}
