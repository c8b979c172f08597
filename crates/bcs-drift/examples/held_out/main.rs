//! Estimated beside measured Dice for patients that a model has not seen: the page `docs/explanation/estimated-dice.md`.
//!
//! ```text
//! cargo run --release -p bcs-drift --example held_out -- RESULTS MASKS > page.md
//! ```
//!
//! `RESULTS` has a folder per patient held out, with the `reference.json` of the model that was trained without this patient, and
//! the predictions of `bcs-predictor predict` in `unseen` (of the patient) and `seen` (of the other patients, tiles that
//! the training did not have). `MASKS` has the true masks by the names of the images. `scripts/bench held-out` makes them.
//!
//! # Layout
//! - `page`: the table as Markdown
//! - `tiles`: areas and scores of the predictions in a folder

mod page;
mod tiles;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use bcs_contracts::DriftReference;

use crate::page::Row;

fn main() -> Result<(), Box<dyn Error>> {
    let [results, masks]: [PathBuf; 2] = env::args_os()
        .skip(1)
        .map(PathBuf::from)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: held_out RESULTS MASKS")?;
    let mut patients: Vec<PathBuf> =
        fs::read_dir(&results)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    patients.sort_unstable();
    let mut rows = Vec::new();
    for folder in patients {
        rows.extend(rows_of(&folder, &masks).map_err(|error| format!("{}: {error}", folder.display()))?);
    }
    print!("{}", page::page(&rows));
    Ok(())
}

/// Returns a row for each class but the first, of unseen and of seen patients.
fn rows_of(folder: &Path, masks: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let reference: DriftReference = serde_json::from_slice(&fs::read(folder.join("reference.json"))?)?;
    let patient = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut rows = Vec::new();
    for (side, unseen) in [("unseen", true), ("seen", false)] {
        let tiles = tiles::read(&folder.join(side), masks, &reference)?;
        for (corrected, raw) in tiles.corrected.classes.iter().zip(&tiles.raw.classes).skip(1) {
            rows.push(Row {
                patient: patient.clone(),
                unseen,
                class: corrected.name.clone(),
                tiles: tiles.count,
                confidence: tiles.confidence,
                raw: raw.estimated.map(|quality| quality.dice),
                corrected: corrected.estimated.map(|quality| quality.dice),
                measured: corrected.measured.map(|quality| quality.dice),
            });
        }
    }
    Ok(rows)
}
