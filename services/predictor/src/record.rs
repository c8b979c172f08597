//! Makes the stored record of a prediction, for HTTP requests and files alike.

use bcs_contracts::record::{FORMAT_VERSION, InputInfo};
use bcs_contracts::{DriftReference, Features, PredictionRecord, reference};
use bcs_drift::novelty::Novelty;
use bcs_imaging::features::windows;
use bcs_inference::{ModelInfo, Segmentation};
use uuid::Uuid;

use crate::input::ReceiveTime;
use crate::origin::Origin;

/// Square micrometres of a square millimetre.
const SQUARE_MICROMETRES: f64 = 1e6;

/// What a record says about the image.
#[derive(Debug)]
pub struct Subject {
    /// Hash, format and size of the file.
    pub info: InputInfo,
    /// Image features.
    pub features: Features,
    /// Source and case.
    pub origin: Origin,
    /// Time of arrival.
    pub received: ReceiveTime,
}

/// Returns the record of a prediction, without the key of its mask and its latency, which are known when it is stored.
pub fn describe(
    id: Uuid,
    subject: Subject,
    segmentation: &Segmentation,
    model: &ModelInfo,
    novelty: Option<&Novelty>,
) -> PredictionRecord {
    let Subject { info, mut features, origin, received } = subject;
    segmentation.add_features(&model.classes, &mut features);
    let windows = windows([info.height as usize, info.width as usize], model.tile);
    let drift_score = novelty.and_then(|novelty| novelty.score(&features, windows));
    let mut classes = segmentation.fractions(&model.classes);
    for class in &mut classes {
        class.area_mm2 = info.mpp.map(|mpp| class.pixels as f64 * mpp * mpp / SQUARE_MICROMETRES);
    }
    PredictionRecord {
        format_version: FORMAT_VERSION,
        id,
        time: received.timestamp,
        model_version: model.version.clone(),
        source: origin.source,
        case: origin.case,
        input: info,
        features,
        classes,
        confidence: segmentation.confidence,
        entropy: segmentation.entropy,
        drift_score,
        mask: String::new(),
        latency_ms: 0.0,
    }
}

/// Returns the novelty scorer of a drift reference; `None` if it has fewer than two cases.
///
/// The image features of a reference of format 1 were measured over whole images and cannot be compared with those of
/// the records written here, so scores cover the model features only.
pub fn novelty(reference: &DriftReference) -> Option<Novelty> {
    let comparable = reference.format_version == reference::FORMAT_VERSION;
    Novelty::new(if comparable { &reference.image } else { &reference.model })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_features_are_scored_only_against_a_reference_of_the_same_format() {
        let format_1 = r#"{"format_version": 1, "model_version": "v", "images": 4,
            "features": {"grey_mean": [0.1, 0.11, 0.12, 0.13], "confidence": [0.8, 0.9, 1.0, 0.85]}}"#;
        let format_2 = r#"{"format_version": 2, "model_version": "v",
            "image": {"cases": ["a", "b", "c"], "features": {"grey_mean": [0.1, 0.11, 0.12]}},
            "model": {"cases": ["d"], "features": {"confidence": [0.8]}}}"#;
        // Unusual in the image feature, usual in the model feature.
        let features = Features::from([("grey_mean".to_owned(), 0.9), ("confidence".to_owned(), 0.9)]);
        let score =
            |reference| novelty(&serde_json::from_str(reference).unwrap()).unwrap().score(&features, 1);
        assert_eq!(score(format_2), Some(0.25));
        // Without cases, two blocks of two images: both of the first are at least as unusual, and one of the second.
        assert_eq!(score(format_1), Some((1.0 + 1.0 + 0.5) / 3.0));
    }
}
