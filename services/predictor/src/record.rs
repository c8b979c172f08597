//! What is written down of a prediction, whether it came over HTTP or from a file.

use bcs_contracts::PredictionRecord;
use bcs_contracts::record::FORMAT_VERSION;
use bcs_drift::novelty::Novelty;
use bcs_inference::{ModelInfo, Segmentation};
use uuid::Uuid;

use crate::input::Input;

/// The record of a prediction whose mask lies at `mask`. Its latency ends now.
pub fn describe(
    id: Uuid,
    input: &Input,
    segmentation: &Segmentation,
    model: &ModelInfo,
    mask: String,
) -> PredictionRecord {
    let mut features = input.features.clone();
    segmentation.add_features(&model.classes, &mut features);
    let drift_score = model.reference.as_ref().and_then(|reference| Novelty::new(reference).score(&features));
    PredictionRecord {
        format_version: FORMAT_VERSION,
        id,
        time: input.arrival.time,
        model_version: model.version.clone(),
        source: None,
        case: None,
        input: input.info.clone(),
        features,
        classes: segmentation.fractions(&model.classes),
        confidence: segmentation.confidence,
        entropy: segmentation.entropy,
        drift_score,
        mask,
        latency_ms: input.arrival.instant.elapsed().as_secs_f64() * 1e3,
    }
}
