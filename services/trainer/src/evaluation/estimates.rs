//! Scores of a data set with confidence intervals by patient.

use serde_json::{Map, Value, json};

use super::cases::Cases;
use super::rows::{Row, mean};
use super::sums::{METRICS, Sums};
use crate::statistics::bootstrap::{Bootstrap, Interval};

/// A score with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// Score of the data set; NaN where it is undefined.
    pub value: f64,
    /// Confidence interval; `None` if no resample has a score.
    pub interval: Option<Interval>,
}

/// Scores of a data set, by class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimates {
    /// Mean pooled Dice of the counted classes.
    pub val_metric: Estimate,
    /// Scores of each class, in the order of [`METRICS`].
    pub classes: Vec<[Estimate; METRICS.len()]>,
}

/// Sums of a data set, by case and class.
pub(super) struct Clusters<'a> {
    sums: Vec<Vec<Sums>>,
    counted: &'a [usize],
}

impl<'a> Clusters<'a> {
    /// Sums up the rows of each image by case. `counted` are the classes of the validation metric.
    pub(super) fn new(rows: &[Vec<Row>], cases: &Cases, counted: &'a [usize]) -> Self {
        let classes = rows.first().map_or(0, Vec::len);
        let mut sums = vec![vec![Sums::default(); classes]; cases.len()];
        for (image, rows) in rows.iter().enumerate() {
            for (sum, row) in sums[cases.of(image)].iter_mut().zip(rows) {
                sum.add(row);
            }
        }
        Self { sums, counted }
    }

    /// Number of cases.
    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// Returns the validation metric, and then the scores of each class, if the cases occur this often.
    pub(super) fn statistics(&self, counts: &[u32]) -> Vec<f64> {
        let mut totals = vec![Sums::default(); self.sums.first().map_or(0, Vec::len)];
        for (count, case) in counts.iter().zip(&self.sums).filter(|(count, _)| **count > 0) {
            for (total, sums) in totals.iter_mut().zip(case) {
                total.add_times(sums, f64::from(*count));
            }
        }
        let mut statistics = vec![self.val_metric(&totals)];
        statistics.extend(totals.iter().flat_map(Sums::scores));
        statistics
    }

    /// Returns the statistics of the data set.
    pub(super) fn observed(&self) -> Vec<f64> {
        self.statistics(&vec![1; self.len()])
    }

    /// Returns the pooled Dice of a class in each case; NaN where its truth does not have the class.
    pub(super) fn dice_by_case(&self, class: usize) -> Vec<f64> {
        self.sums.iter().map(|case| case[class].dice()).collect()
    }

    /// Returns the validation metric of each case.
    pub(super) fn val_metric_by_case(&self) -> Vec<f64> {
        self.sums.iter().map(|case| self.val_metric(case)).collect()
    }

    /// Mean of the classes that the truth has.
    fn val_metric(&self, classes: &[Sums]) -> f64 {
        mean(self.counted.iter().map(|class| classes[*class].dice()))
    }
}

impl Estimates {
    /// Computes the scores and their intervals.
    pub(super) fn new(clusters: &Clusters<'_>, bootstrap: &Bootstrap) -> Self {
        let intervals = bootstrap.intervals(clusters.len(), |counts| clusters.statistics(counts));
        Self::from_statistics(&clusters.observed(), intervals)
    }

    /// Arranges statistics, the validation metric first, with their intervals.
    pub(super) fn from_statistics(values: &[f64], intervals: Vec<Option<Interval>>) -> Self {
        let mut estimates = values.iter().zip(intervals).map(|(value, interval)| Estimate {
            value: *value,
            interval: interval.filter(|_| value.is_finite()),
        });
        let undefined = Estimate { value: f64::NAN, interval: None };
        let val_metric = estimates.next().unwrap_or(undefined);
        let rest: Vec<Estimate> = estimates.collect();
        let classes = rest.chunks_exact(METRICS.len()).map(|class| {
            let mut scores = [undefined; METRICS.len()];
            scores.copy_from_slice(class);
            scores
        });
        Self { val_metric, classes: classes.collect() }
    }

    /// Place of the pooled Dice of a class among the statistics.
    pub(super) fn dice_at(class: usize) -> usize {
        1 + class * METRICS.len()
    }

    /// Returns the scores as JSON, by class and name; undefined ones are null.
    pub(super) fn to_json(&self, classes: &[String]) -> Value {
        let scores = |estimates: &[Estimate; METRICS.len()]| -> Value {
            METRICS
                .iter()
                .zip(estimates)
                .map(|(name, e)| ((*name).to_owned(), e.to_json()))
                .collect::<Map<_, _>>()
                .into()
        };
        let by_class: Map<String, Value> =
            classes.iter().cloned().zip(self.classes.iter().map(scores)).collect();
        json!({"val_metric": self.val_metric.to_json(), "classes": by_class})
    }
}

impl Estimate {
    fn to_json(self) -> Value {
        let [low, high] =
            self.interval.map_or([None; 2], |interval| [Some(interval.low), Some(interval.high)]);
        let resamples = self.interval.map_or(0, |interval| interval.resamples);
        json!({"value": self.value, "low": low, "high": high, "resamples": resamples})
    }
}
