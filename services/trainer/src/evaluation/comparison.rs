//! Comparison of two models on the same images.

use serde_json::{Map, Value, json};

use super::cases::Cases;
use super::estimates::{Clusters, Estimate, Estimates};
use super::rows::{Row, mean};
use crate::statistics::bootstrap::Bootstrap;
use crate::statistics::sign_flip::{SignFlip, sign_flip, smallest_p_value};
use crate::statistics::wilcoxon::{Wilcoxon, wilcoxon};

/// Paired tests of the Dice scores of two models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tests {
    /// Dice score of model A.
    pub a: f64,
    /// Dice score of model B.
    pub b: f64,
    /// Difference B − A.
    pub difference: Estimate,
    /// Signed-rank test over images.
    pub images: Wilcoxon,
    /// Permutation test over patients.
    pub patients: SignFlip,
}

/// Differences between model B and model A.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// Validation metric.
    pub val_metric: Tests,
    /// Pooled Dice of each class.
    pub classes: Vec<Tests>,
    /// Differences of all scores.
    pub differences: Estimates,
    /// Confidence level, in (0, 1).
    pub confidence: f64,
}

impl Comparison {
    /// Compares the rows of two models. `counted` are the classes of the validation metric.
    pub(crate) fn new(
        [a, b]: [&[Vec<Row>]; 2],
        cases: &Cases,
        counted: &[usize],
        bootstrap: &Bootstrap,
    ) -> Self {
        let clusters = [a, b].map(|rows| Clusters::new(rows, cases, counted));
        let [of_a, of_b] = &clusters;
        let difference = |counts: &[u32]| subtract(&of_b.statistics(counts), &of_a.statistics(counts));
        let intervals = bootstrap.intervals(cases.len(), difference);
        let differences =
            Estimates::from_statistics(&subtract(&of_b.observed(), &of_a.observed()), intervals);
        let [scores_a, scores_b] = [a, b].map(|rows| image_scores(rows, counted));
        let tests = |values: [f64; 2], difference, images: Vec<f64>, patients: Vec<f64>| Tests {
            a: values[0],
            b: values[1],
            difference,
            images: wilcoxon(&images),
            patients: sign_flip(&patients, bootstrap.seed),
        };
        let (values_a, values_b) = (of_a.observed(), of_b.observed());
        let val_metric = tests(
            [values_a[0], values_b[0]],
            differences.val_metric,
            subtract(&scores_b, &scores_a),
            subtract(&of_b.val_metric_by_case(), &of_a.val_metric_by_case()),
        );
        let of_class = |class: usize| {
            let at = Estimates::dice_at(class);
            let dice =
                |rows: &[Vec<Row>]| -> Vec<f64> { rows.iter().map(|image| image[class].dice).collect() };
            tests(
                [values_a[at], values_b[at]],
                differences.classes[class][0],
                subtract(&dice(b), &dice(a)),
                subtract(&of_b.dice_by_case(class), &of_a.dice_by_case(class)),
            )
        };
        let classes = (0..differences.classes.len()).map(of_class).collect();
        Self { val_metric, classes, differences, confidence: bootstrap.confidence }
    }

    /// Says which model is better, if the images can tell.
    pub(crate) fn verdict(&self) -> String {
        self.val_metric.verdict(self.confidence)
    }

    /// Returns the comparison as JSON.
    pub(crate) fn to_json(&self, classes: &[String]) -> Value {
        let tests = |tests: &Tests| {
            json!({
                "a": tests.a, "b": tests.b, "wilcoxon_by_image": tests.images,
                "sign_flip_by_patient": tests.patients, "verdict": tests.verdict(self.confidence),
            })
        };
        let by_class: Map<String, Value> =
            classes.iter().cloned().zip(self.classes.iter().map(tests)).collect();
        json!({
            "verdict": self.verdict(),
            "dice": {"val_metric": tests(&self.val_metric), "classes": by_class},
            "differences": self.differences.to_json(classes),
        })
    }
}

impl Tests {
    /// Whether the images can tell which model is better: the interval excludes 0, and the test by patient is significant.
    pub(crate) fn is_clear(&self, confidence: f64) -> bool {
        let excludes_zero = self.difference.interval.is_some_and(|i| i.low > 0.0 || i.high < 0.0);
        excludes_zero && self.patients.p_value.is_some_and(|p| p < 1.0 - confidence)
    }

    /// Says which model is better, if the images can tell.
    pub(crate) fn verdict(&self, confidence: f64) -> String {
        let (Some(interval), Some(p)) = (self.difference.interval, self.patients.p_value) else {
            return "Not comparable: no image has pixels of the class.".to_owned();
        };
        let difference = self.difference.value;
        if difference == 0.0 && interval.low == 0.0 && interval.high == 0.0 {
            return "No difference.".to_owned();
        }
        let (count, level) = (self.patients.pairs, percent(confidence));
        let patients = if count == 1 { "1 patient".to_owned() } else { format!("{count} patients") };
        let range = format!("{level} interval {} to {}", signed(interval.low), signed(interval.high));
        let smallest = smallest_p_value(count);
        if smallest >= 1.0 - confidence {
            return format!(
                "Too few patients to tell: B − A is {} ({range}), but with {patients} no p-value can be below {smallest:.3}.",
                signed(difference)
            );
        }
        let evidence = format!("({range}; p = {} over {patients})", p_value(p));
        if self.is_clear(confidence) {
            let better = if difference > 0.0 { "B" } else { "A" };
            return format!("{better} is better by {:.4} Dice {evidence}.", difference.abs());
        }
        format!("No clear difference: B − A is {} {evidence}.", signed(difference))
    }
}

/// Mean Dice of the counted classes of each image.
fn image_scores(rows: &[Vec<Row>], counted: &[usize]) -> Vec<f64> {
    rows.iter().map(|image| mean(counted.iter().map(|class| image[*class].dice))).collect()
}

fn subtract(b: &[f64], a: &[f64]) -> Vec<f64> {
    b.iter().zip(a).map(|(b, a)| b - a).collect()
}

/// Formats a difference with its sign.
pub(crate) fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{:.4}", value.abs())
}

/// Formats a p-value.
pub(crate) fn p_value(p: f64) -> String {
    if p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// Formats a confidence level as `95 %`.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{}\u{202f}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::bootstrap::Interval;

    /// Tests of differences by patient, with an interval of the pooled difference.
    fn tests(patients: &[f64], [low, high]: [f64; 2]) -> Tests {
        let value = mean(patients.iter().copied());
        let interval = Some(Interval { low, high, resamples: 2000 });
        let difference = Estimate { value, interval };
        Tests {
            a: 0.5,
            b: 0.5 + value,
            difference,
            images: wilcoxon(patients),
            patients: sign_flip(patients, 0),
        }
    }

    #[test]
    fn a_verdict_needs_interval_and_test() {
        let better = [0.02, 0.01, 0.03, 0.02, 0.01, 0.04, 0.02];
        let verdict = |patients: &[f64], interval| tests(patients, interval).verdict(0.95);
        assert_eq!(
            verdict(&better, [0.01, 0.03]),
            "B is better by 0.0214 Dice (95\u{202f}% interval +0.0100 to +0.0300; p = 0.0156 over 7 patients)."
        );
        assert!(verdict(&better.map(|d| -d), [-0.03, -0.01]).starts_with("A is better by 0.0214 Dice"));
        assert!(verdict(&better, [-0.01, 0.03]).starts_with("No clear difference: B − A is +0.0214"));
        let mixed = [0.02, -0.01, 0.03, -0.02, 0.01, -0.04, 0.02];
        assert!(verdict(&mixed, [0.001, 0.03]).starts_with("No clear difference"));
        assert!(verdict(&better[..5], [0.01, 0.03]).starts_with("Too few patients to tell"));
    }

    #[test]
    fn a_class_without_pixels_is_not_comparable() {
        let nothing = Estimate { value: f64::NAN, interval: None };
        let tests = Tests { difference: nothing, ..tests(&[f64::NAN], [0.0, 0.0]) };
        assert_eq!(tests.verdict(0.95), "Not comparable: no image has pixels of the class.");
    }
}
