//! Makes the stored record of a prediction, for HTTP requests and files alike.

use bcs_contracts::record::FORMAT_VERSION;
use bcs_contracts::{DriftReference, FeatureTable, PredictionRecord, reference};
use bcs_drift::novelty::Novelty;
use bcs_inference::{ModelInfo, Segmentation};
use uuid::Uuid;

use crate::input::Input;

/// Returns the record of a prediction. `mask` is the key of its mask; the latency is measured up to now.
pub fn describe(
    id: Uuid,
    input: &Input,
    segmentation: &Segmentation,
    model: &ModelInfo,
    novelty: Option<&Novelty>,
    mask: String,
) -> PredictionRecord {
    let mut features = input.features.clone();
    segmentation.add_features(&model.classes, &mut features);
    let drift_score = novelty.and_then(|novelty| novelty.score(&features));
    PredictionRecord {
        format_version: FORMAT_VERSION,
        id,
        time: input.received.timestamp,
        model_version: model.version.clone(),
        source: input.origin.source.clone(),
        case: input.origin.case.clone(),
        input: input.info.clone(),
        features,
        classes: segmentation.fractions(&model.classes),
        confidence: segmentation.confidence,
        entropy: segmentation.entropy,
        drift_score,
        mask,
        latency_ms: input.received.instant.elapsed().as_secs_f64() * 1e3,
    }
}

/// Returns the novelty scorer of a model; `None` if it has no drift reference.
///
/// The image features of a reference of format 1 were measured over whole images and cannot be compared with those of
/// the records written here, so scores cover the model features only.
pub fn novelty(model: &ModelInfo) -> Option<Novelty> {
    let reference = model.reference.as_ref()?;
    if reference.format_version == reference::FORMAT_VERSION {
        return Some(Novelty::new(reference));
    }
    let model_features = DriftReference { image: FeatureTable::default(), ..reference.clone() };
    Some(Novelty::new(&model_features))
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;

    use super::*;

    fn model(reference: Option<&str>) -> ModelInfo {
        ModelInfo {
            version: "v".to_owned(),
            architecture: "UNet".to_owned(),
            classes: Vec::new(),
            tile: [64, 64],
            size_divisor: [1, 1],
            min_size: [1, 1],
            mpp: None,
            reference: reference.map(|text| serde_json::from_str(text).unwrap()),
            device: "cpu".to_owned(),
        }
    }

    #[test]
    fn image_features_are_scored_only_against_a_reference_of_the_same_format() {
        let format_1 = r#"{"format_version": 1, "model_version": "v", "images": 2,
            "features": {"grey_mean": [0.1, 0.2], "confidence": [0.8, 1.0]}}"#;
        let format_2 = r#"{"format_version": 2, "model_version": "v",
            "image": {"cases": [null, null], "features": {"grey_mean": [0.1, 0.2]}},
            "model": {"cases": [null, null], "features": {"confidence": [0.8, 1.0]}}}"#;
        // Unusual in the image feature, usual in the model feature.
        let features = Features::from([("grey_mean".to_owned(), 0.9), ("confidence".to_owned(), 0.9)]);
        let score = |reference| novelty(&model(reference)).and_then(|novelty| novelty.score(&features));
        assert_eq!(score(Some(format_2)), Some(0.5));
        assert_eq!(score(Some(format_1)), Some(0.0));
        assert_eq!(score(None), None);
    }
}
