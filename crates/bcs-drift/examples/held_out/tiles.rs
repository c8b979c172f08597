//! Areas and scores of the predictions in a folder.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use bcs_contracts::{DriftReference, PredictionRecord};
use bcs_drift::quality::{Areas, Estimates, WindowQuality};
use bcs_imaging::Limits;
use bcs_imaging::decode::decode_mask;

/// Quality of the predictions in a folder.
pub(crate) struct Tiles {
    /// Number of predictions.
    pub count: usize,
    /// Mean of their confidences.
    pub confidence: f64,
    /// Dice, estimated without calibration, and measured.
    pub raw: WindowQuality,
    /// Dice, estimated with calibration, and measured.
    pub corrected: WindowQuality,
}

/// Reads the predictions and compares them with the true masks.
pub(crate) fn read(folder: &Path, masks: &Path, reference: &DriftReference) -> Result<Tiles, Box<dyn Error>> {
    let mut estimates = [Estimates::default(), Estimates::new(reference.calibration.clone())];
    let (mut count, mut confidence) = (0, 0.0);
    for path in records(folder)? {
        let record: PredictionRecord = serde_json::from_slice(&fs::read(&path)?)?;
        let mask = |path: PathBuf| -> Result<_, Box<dyn Error>> {
            Ok(decode_mask(&fs::read(&path)?, Limits::default())?)
        };
        let truth = mask(masks.join(path.with_extension("png").file_name().unwrap_or_default()))?;
        let predicted = mask(folder.join(&record.mask))?;
        let counted: Vec<Areas> = record
            .classes
            .iter()
            .map(|class| Areas::counted(predicted.as_raw(), truth.as_raw(), class.code))
            .collect();
        for estimates in &mut estimates {
            let expected = estimates
                .add(record.case.as_deref(), &record.classes)
                .ok_or("the predictions have no expected areas; segment the images again")?;
            estimates.add_label(record.case.as_deref(), expected.into_iter().zip(counted.iter().copied()));
        }
        count += 1;
        confidence += record.confidence;
    }
    let [raw, corrected] = estimates.map(|estimates| estimates.quality(0));
    let (raw, corrected) = raw.zip(corrected).ok_or("there are no predictions")?;
    Ok(Tiles { count, confidence: confidence / count as f64, raw, corrected })
}

fn records(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension() == Some(OsStr::new("json")));
    paths.sort_unstable();
    Ok(paths)
}
