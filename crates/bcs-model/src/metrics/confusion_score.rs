//! Scores of a confusion matrix, by the names of `monai.metrics.compute_confusion_matrix_metric`.

use std::str::FromStr;

use super::confusion::Confusion;
use crate::error::{Error, argument};

/// Score of a confusion matrix. Parses from MONAI's names and aliases, in any case, with spaces or underscores.
///
/// The formulas use TP, FP, TN and FN for the numbers of true and false positives and negatives. A score whose
/// denominator is 0 is NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfusionScore {
    /// TPR = TP / (TP + FN), also called recall.
    Sensitivity,
    /// TNR = TN / (TN + FP).
    Specificity,
    /// PPV = TP / (TP + FP).
    Precision,
    /// NPV = TN / (TN + FN).
    NegativePredictiveValue,
    /// FN / (TP + FN).
    MissRate,
    /// FP / (TN + FP).
    FallOut,
    /// FP / (TP + FP).
    FalseDiscoveryRate,
    /// FN / (TN + FN).
    FalseOmissionRate,
    /// (√(TPR (1 − TNR)) + TNR − 1) / (TPR + TNR − 1). Near chance, where the denominator is almost 0, rounding decides:
    /// two builds of PyTorch agree no better than 10⁻⁷ / |TPR + TNR − 1|.
    PrevalenceThreshold,
    /// TP / (TP + FN + FP), the intersection over union.
    ThreatScore,
    /// (TP + TN) / (TP + FN + FP + TN).
    Accuracy,
    /// (TPR + TNR) / 2.
    BalancedAccuracy,
    /// 2 TP / (2 TP + FN + FP), the Dice score.
    F1Score,
    /// (TP TN − FP FN) / √((TP + FP) (TP + FN) (TN + FP) (TN + FN)).
    MatthewsCorrelationCoefficient,
    /// √(PPV TPR).
    FowlkesMallowsIndex,
    /// TPR + TNR − 1.
    Informedness,
    /// PPV + NPV − 1.
    Markedness,
}

/// Names of each score: MONAI's own first, then its aliases.
const NAMES: [(ConfusionScore, &[&str]); 17] = [
    (ConfusionScore::Sensitivity, &["sensitivity", "recall", "hit_rate", "true_positive_rate", "tpr"]),
    (ConfusionScore::Specificity, &["specificity", "selectivity", "true_negative_rate", "tnr"]),
    (ConfusionScore::Precision, &["precision", "positive_predictive_value", "ppv"]),
    (ConfusionScore::NegativePredictiveValue, &["negative_predictive_value", "npv"]),
    (ConfusionScore::MissRate, &["miss_rate", "false_negative_rate", "fnr"]),
    (ConfusionScore::FallOut, &["fall_out", "false_positive_rate", "fpr"]),
    (ConfusionScore::FalseDiscoveryRate, &["false_discovery_rate", "fdr"]),
    (ConfusionScore::FalseOmissionRate, &["false_omission_rate", "for"]),
    (ConfusionScore::PrevalenceThreshold, &["prevalence_threshold", "pt"]),
    (ConfusionScore::ThreatScore, &["threat_score", "critical_success_index", "ts", "csi"]),
    (ConfusionScore::Accuracy, &["accuracy", "acc"]),
    (ConfusionScore::BalancedAccuracy, &["balanced_accuracy", "ba"]),
    (ConfusionScore::F1Score, &["f1_score", "f1"]),
    (ConfusionScore::MatthewsCorrelationCoefficient, &["matthews_correlation_coefficient", "mcc"]),
    (ConfusionScore::FowlkesMallowsIndex, &["fowlkes_mallows_index", "fm"]),
    (
        ConfusionScore::Informedness,
        &["informedness", "bookmaker_informedness", "bm", "youden_index", "youden"],
    ),
    (ConfusionScore::Markedness, &["markedness", "deltap", "mk"]),
];

impl FromStr for ConfusionScore {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.replace(' ', "_").to_lowercase();
        let known = NAMES.iter().find(|(_, names)| names.contains(&name.as_str()));
        known.map(|(score, _)| *score).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(_, names)| names[0]).collect();
            argument("metric_name", format!("is '{text}'; the scores are {}", names.join(", ")))
        })
    }
}

impl ConfusionScore {
    pub(super) fn of_image(self, counts: Confusion) -> f64 {
        let Confusion { true_positives, false_positives, true_negatives, false_negatives } = counts;
        self.value(
            [true_positives, false_positives, true_negatives, false_negatives].map(|count| count as f64),
        )
    }

    /// Returns the score of TP, FP, TN and FN, which are fractions where they are means over images.
    ///
    /// Computed in single precision and in MONAI's order: whether a difference in a denominator is exactly 0, and the
    /// score NaN, depends on the rounding.
    pub(super) fn value(self, counts: [f64; 4]) -> f64 {
        let [tp, fp, tn, fn_] = counts.map(|count| count as f32);
        let (p, n) = (tp + fn_, fp + tn);
        let (tpr, tnr) = (ratio(tp, p), ratio(tn, n));
        let (ppv, npv) = (ratio(tp, tp + fp), ratio(tn, tn + fn_));
        let value = match self {
            Self::Sensitivity => tpr,
            Self::Specificity => tnr,
            Self::Precision => ppv,
            Self::NegativePredictiveValue => npv,
            Self::MissRate => ratio(fn_, p),
            Self::FallOut => ratio(fp, n),
            Self::FalseDiscoveryRate => ratio(fp, fp + tp),
            Self::FalseOmissionRate => ratio(fn_, fn_ + tn),
            Self::PrevalenceThreshold => ratio((tpr * (1.0 - tnr)).sqrt() + tnr - 1.0, tpr + tnr - 1.0),
            Self::ThreatScore => ratio(tp, tp + fn_ + fp),
            Self::Accuracy => ratio(tp + tn, p + n),
            Self::BalancedAccuracy => (tpr + tnr) / 2.0,
            Self::F1Score => ratio(tp * 2.0, tp * 2.0 + fn_ + fp),
            Self::MatthewsCorrelationCoefficient => {
                ratio(tp * tn - fp * fn_, ((tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_)).sqrt())
            }
            Self::FowlkesMallowsIndex => (ppv * tpr).sqrt(),
            Self::Informedness => tpr + tnr - 1.0,
            Self::Markedness => ppv + npv - 1.0,
        };
        f64::from(value)
    }
}

fn ratio(numerator: f32, denominator: f32) -> f32 {
    if denominator == 0.0 { f32::NAN } else { numerator / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_insensitive_with_spaces_or_underscores() {
        assert_eq!("F1 Score".parse::<ConfusionScore>().unwrap(), ConfusionScore::F1Score);
        assert_eq!("true_positive_rate".parse::<ConfusionScore>().unwrap(), ConfusionScore::Sensitivity);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_scores() {
        let error = "f2".parse::<ConfusionScore>().unwrap_err().to_string();
        assert!(
            error.starts_with("metric_name is 'f2'; the scores are sensitivity, specificity, precision"),
            "{error}"
        );
    }

    #[test]
    fn values_equal_those_computed_by_hand() {
        let value = |score: ConfusionScore| score.value([6.0, 2.0, 10.0, 4.0]) as f32;
        assert_eq!(value(ConfusionScore::Sensitivity), 0.6);
        assert_eq!(value(ConfusionScore::Precision), 0.75);
        assert_eq!(value(ConfusionScore::F1Score), 12.0 / 18.0);
        assert_eq!(value(ConfusionScore::Accuracy), 16.0 / 22.0);
        assert!(ConfusionScore::Sensitivity.value([0.0, 2.0, 10.0, 0.0]).is_nan());
    }
}
