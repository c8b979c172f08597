//! Scores of one image and class.

use bcs_model::metrics::{ConfusionMatrix, Reduction};

use super::Evaluation;

/// Scores of an image and class; NaN where they are undefined, as MONAI's are with `ignore_empty=True`: Dice, IoU and recall
/// where the truth does not have the class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// Dice score.
    pub dice: f64,
    /// Intersection over union.
    pub iou: f64,
    /// Share of the predicted pixels that are right; undefined where the class is not predicted.
    pub precision: f64,
    /// Share of the truth pixels that are predicted.
    pub recall: f64,
    /// 95th percentile of the distances between the boundaries in pixels; infinite where the class is in the truth only, or in
    /// the prediction only.
    pub hd95: f64,
    /// Share of the boundaries within the tolerance of each other; undefined where neither mask has the class.
    pub surface_dice: f64,
    /// Number of pixels in the truth.
    pub pixels: u64,
    /// Number of pixels in the prediction.
    pub predicted: u64,
    /// Number of pixels in both.
    pub true_positives: u64,
}

impl Row {
    fn new(matrix: &ConfusionMatrix, class: usize, hd95: f64, surface_dice: f64) -> Self {
        let (pixels, predicted) = (matrix.truth(class), matrix.prediction(class));
        let true_positives = matrix.true_positives(class);
        let ratio = |part: u64, whole: u64| part as f64 / whole as f64;
        let where_present = |score: f64| if pixels == 0 { f64::NAN } else { score };
        Self {
            dice: where_present(ratio(2 * true_positives, pixels + predicted)),
            iou: where_present(ratio(true_positives, pixels + predicted - true_positives)),
            // 0 / 0 is NaN.
            precision: ratio(true_positives, predicted),
            recall: ratio(true_positives, pixels),
            hd95,
            surface_dice,
            pixels,
            predicted,
            true_positives,
        }
    }

    /// Returns the scores that need no boundaries; those of the boundaries are undefined.
    pub(crate) fn of_pixels(matrix: &ConfusionMatrix, class: usize) -> Self {
        Self::new(matrix, class, f64::NAN, f64::NAN)
    }
}

impl Evaluation {
    /// Returns the scores of each image, in the order in which they were added: one row per class.
    pub(crate) fn rows(&self) -> Vec<Vec<Row>> {
        let classes = self.classes.len();
        let hd95 = self.surface.hausdorff.aggregate(Reduction::None).values;
        let surface_dice = self.surface.dice.aggregate(Reduction::None).values;
        let row = |image: usize, class: usize| {
            let at = image * classes + class;
            Row::new(&self.matrices[image], class, hd95[at], surface_dice[at])
        };
        (0..self.matrices.len()).map(|image| (0..classes).map(|class| row(image, class)).collect()).collect()
    }
}

/// Returns the score by which images are ranked: the mean Dice of the `counted` classes that the truth has; NaN if it has
/// none of them.
pub(crate) fn image_score(matrix: &ConfusionMatrix, counted: &[usize]) -> f64 {
    let dice = counted.iter().map(|class| Row::of_pixels(matrix, *class).dice);
    mean(dice)
}

/// Mean of the values that are defined; NaN if none is.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let defined: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    defined.iter().sum::<f64>() / defined.len() as f64
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn scores_agree_with_scikit_learn() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/statistics.json")).unwrap();
        for case in golden["scores"].as_array().unwrap() {
            let classes = case["classes"].as_u64().unwrap() as usize;
            let mask = |key: &str| -> Vec<u8> { serde_json::from_value(case[key].clone()).unwrap() };
            let mut matrix = ConfusionMatrix::new(classes).unwrap();
            matrix.add(&mask("truth"), &mask("prediction")).unwrap();
            let counts: Vec<Vec<u64>> = serde_json::from_value(case["confusion"].clone()).unwrap();
            assert_eq!(matrix.rows().collect::<Vec<_>>(), counts);
            for class in 0..classes {
                let row = Row::of_pixels(&matrix, class);
                for (name, found) in [
                    ("dice", row.dice),
                    ("iou", row.iou),
                    ("precision", row.precision),
                    ("recall", row.recall),
                ] {
                    match case[name][class].as_f64() {
                        Some(expected) => {
                            assert!((found - expected).abs() < 1e-12, "{name} {class}: {found}");
                        }
                        None => assert!(found.is_nan(), "{name} {class}: {found}"),
                    }
                }
            }
        }
    }

    #[test]
    fn images_are_ranked_by_the_classes_they_have() {
        let mut matrix = ConfusionMatrix::new(3).unwrap();
        matrix.add(&[0, 0, 1, 1], &[2, 0, 1, 0]).unwrap();
        assert_eq!(image_score(&matrix, &[1, 2]), 2.0 / 3.0);
        assert!(image_score(&matrix, &[2]).is_nan());
    }
}
