//! The metrics as JSON, by MONAI's names.

use bcs_model::metrics::{ConfusionScore, Reduced, Reduction, ReductionOrder};
use serde_json::{Map, Value, json};

use super::Evaluation;
use super::surface::{Finite, PERCENTILE};

/// Scores of `ConfusionMatrixMetric`, by MONAI's names.
const CONFUSION_SCORES: [(&str, ConfusionScore); 3] = [
    ("sensitivity", ConfusionScore::Sensitivity),
    ("specificity", ConfusionScore::Specificity),
    ("precision", ConfusionScore::Precision),
];

impl Evaluation {
    /// Returns the metrics by MONAI's class names, each with its arguments and
    /// - `pooled`: over all pixels of the data set, per class,
    /// - `mean_batch`: MONAI's reduction of that name, per class, over `not_nans` images,
    /// - `mean`: MONAI's reduction of that name.
    ///
    /// Distances are in pixels; `both_present` is their mean over the images in which both masks have the class. Undefined
    /// values are null, infinite ones the text `inf`.
    pub(crate) fn figures(&self) -> Value {
        let surface = &self.surface;
        let overlap = json!({"include_background": true, "ignore_empty": true});
        let hausdorff = json!({"include_background": true, "percentile": PERCENTILE, "directed": false});
        let distance = json!({"include_background": true, "symmetric": true});
        let thresholds = vec![surface.tolerance; self.classes.len()];
        json!({
            "DiceMetric": self.metric(overlap.clone(), Some(self.dice.pooled()), |by| self.dice.aggregate(by)),
            "MeanIoU": self.metric(overlap, Some(self.iou.pooled()), |by| self.iou.aggregate(by)),
            "ConfusionMatrixMetric": self.confusion_scores(),
            "GeneralizedDiceScore": {
                "arguments": {"include_background": true, "weight_type": "square"},
                "pooled": value(self.generalized.pooled()),
                "mean": mean(&self.generalized.aggregate(Reduction::Mean)),
            },
            "HausdorffDistanceMetric": self.with_finite(
                self.metric(hausdorff, None, |by| surface.hausdorff.aggregate(by)),
                &surface.finite_hausdorff(),
            ),
            "SurfaceDistanceMetric": self.with_finite(
                self.metric(distance, Some(surface.distance.pooled()), |by| surface.distance.aggregate(by)),
                &surface.finite_distance(),
            ),
            "SurfaceDiceMetric": self.metric(
                json!({"include_background": true, "class_thresholds": thresholds}),
                Some(surface.dice.pooled()),
                |by| surface.dice.aggregate(by),
            ),
        })
    }

    fn confusion_scores(&self) -> Value {
        let score = |(name, score): (&str, ConfusionScore)| {
            let aggregate = |by| self.confusion.aggregate(score, ReductionOrder::ScoresFirst, by);
            let arguments = json!({"include_background": true, "compute_sample": true});
            (name.to_owned(), self.metric(arguments, Some(self.confusion.pooled(score)), aggregate))
        };
        CONFUSION_SCORES.into_iter().map(score).collect::<Map<_, _>>().into()
    }

    fn metric(
        &self,
        arguments: Value,
        pooled: Option<Vec<f64>>,
        aggregate: impl Fn(Reduction) -> Reduced,
    ) -> Value {
        let mut metric = Map::from_iter([("arguments".to_owned(), arguments)]);
        if let Some(pooled) = pooled {
            metric.insert("pooled".to_owned(), self.by_class(pooled.into_iter().map(value)));
        }
        let by_class = aggregate(Reduction::MeanBatch);
        let means =
            by_class.values.iter().zip(&by_class.not_nans).map(|(mean, count)| counted(*mean, *count));
        metric.insert("mean_batch".to_owned(), self.by_class(means));
        metric
            .insert("not_nans".to_owned(), self.by_class(by_class.not_nans.iter().map(|count| json!(count))));
        metric.insert("mean".to_owned(), mean(&aggregate(Reduction::Mean)));
        metric.into()
    }

    fn with_finite(&self, mut metric: Value, finite: &[Finite]) -> Value {
        let entry = |finite: &Finite| json!({"mean": value(finite.mean), "images": finite.images});
        metric["both_present"] = self.by_class(finite.iter().map(entry));
        metric
    }

    fn by_class(&self, values: impl Iterator<Item = Value>) -> Value {
        self.classes.iter().cloned().zip(values).collect::<Map<_, _>>().into()
    }
}

fn mean(reduced: &Reduced) -> Value {
    counted(reduced.values.iter().sum(), reduced.not_nans.iter().sum())
}

/// Returns a mean of `count` values; null without values.
fn counted(mean: f64, count: usize) -> Value {
    value(if count == 0 { f64::NAN } else { mean })
}

/// JSON has no infinity.
fn value(value: f64) -> Value {
    if value.is_infinite() { json!("inf") } else { json!(value) }
}
