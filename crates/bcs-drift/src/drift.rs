//! Drift detection: which features of the current images drifted from the reference.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::histogram;
use crate::report::{About, DriftReport, FORMAT_VERSION, FeatureDrift, Skipped, Summary};
use crate::sample::{Sample, quantile};
use crate::stattests::{self, StatTest};
use crate::table::Table;

/// Minimum number of values on each side for a feature to be compared: a standard deviation needs two.
const MIN_VALUES: usize = 2;

/// Options of a comparison.
#[derive(Debug, Clone)]
pub struct Options {
    /// Identity of the comparison.
    pub about: About,
    /// Statistical test, the same for every feature.
    pub test: &'static dyn StatTest,
    /// Drift threshold of a feature, above 0; `None` for the default of the test.
    pub threshold: Option<f64>,
    /// Share of drifted features from which the dataset counts as drifted, in (0, 1].
    pub drift_share: f64,
}

impl Options {
    /// Creates options with Evidently's defaults (`DataDriftPreset`) for references of up to 1000 rows: the
    /// Kolmogorov–Smirnov test at p < 0.05, and dataset drift if at least half of the features drifted.
    pub fn new(about: About) -> Self {
        Self { about, test: stattests::ALL[0], threshold: None, drift_share: 0.5 }
    }
}

/// Compares the current images with the reference, feature by feature.
///
/// A feature that is missing on one side, or has fewer than 2 values there, is listed as skipped. Without current
/// images, this is every feature. The report has no notes; the caller adds what it knows of.
///
/// # Errors
/// [`Error::Threshold`] and [`Error::DriftShare`] for options out of range; [`Error::NothingInCommon`] if both sides
/// have features, but none in common.
pub fn detect(reference: &Table, current: &Table, options: Options) -> Result<DriftReport, Error> {
    let threshold = options.threshold.unwrap_or_else(|| options.test.default_threshold());
    check(threshold, options.drift_share)?;
    require_common(reference, current)?;

    let mut skipped = skipped_columns(reference, current);
    let mut features = Vec::new();
    let names: BTreeSet<&String> = reference.columns.keys().chain(current.columns.keys()).collect();
    for name in names {
        if let Some(reason) = obstacle(name, reference, current) {
            skipped.entry(name.clone()).or_insert(reason);
        } else {
            let [reference, current] =
                [reference, current].map(|table| Sample::new(name, &table.columns[name]));
            match compare(name, &reference?, &current?, options.test, threshold) {
                Ok(feature) => features.push(feature),
                Err(unsuitable) => _ = skipped.insert(name.clone(), unsuitable.to_string()),
            }
        }
    }
    features.sort_by(by_evidence);
    Ok(report(reference, current, options, features, skipped))
}

fn check(threshold: f64, drift_share: f64) -> Result<(), Error> {
    if !(threshold.is_finite() && threshold > 0.0) {
        return Err(Error::Threshold(threshold));
    }
    if !(drift_share > 0.0 && drift_share <= 1.0) {
        return Err(Error::DriftShare(drift_share));
    }
    Ok(())
}

/// Tables without a common column are an error of the caller; an empty table is not.
fn require_common(reference: &Table, current: &Table) -> Result<(), Error> {
    let either_empty = reference.columns.is_empty() || current.columns.is_empty();
    if either_empty || reference.columns.keys().any(|name| current.columns.contains_key(name)) {
        return Ok(());
    }
    let names = |table: &Table| table.columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(Error::NothingInCommon { reference: names(reference), current: names(current) })
}

/// Columns without numbers, on either side, with the reason.
fn skipped_columns(reference: &Table, current: &Table) -> BTreeMap<String, String> {
    let sides = [("reference", reference), ("current data", current)];
    sides
        .into_iter()
        .flat_map(|(side, table)| table.skipped.iter().map(move |skipped| (side, skipped)))
        .map(|(side, skipped)| (skipped.name.clone(), format!("{} ({side})", skipped.reason)))
        .collect()
}

/// Reason why a feature cannot be compared, if there is one.
fn obstacle(name: &str, reference: &Table, current: &Table) -> Option<String> {
    let sides = [("reference", reference), ("current data", current)];
    sides.into_iter().find_map(|(side, table)| match table.columns.get(name).map(Vec::len) {
        None => Some(format!("missing in the {side}")),
        Some(count) if count < MIN_VALUES => {
            Some(format!("needs {MIN_VALUES} values on each side, has {count} in the {side}"))
        }
        Some(_) => None,
    })
}

fn compare(
    name: &str,
    reference: &Sample,
    current: &Sample,
    test: &dyn StatTest,
    threshold: f64,
) -> Result<FeatureDrift, Error> {
    let outcome = test.run(reference, current)?;
    Ok(FeatureDrift {
        name: name.to_owned(),
        test: test.name().to_owned(),
        statistic: outcome.statistic,
        p_value: outcome.p_value,
        threshold,
        drifted: outcome.drifted(threshold),
        reference: summary(reference),
        current: summary(current),
        histogram: histogram::shared(reference, current),
    })
}

/// Summarizes a sample of at least two values.
fn summary(sample: &Sample) -> Summary {
    let values = sample.values();
    let count = values.len() as f64;
    let (min, max) = (values[0], values[values.len() - 1]);
    // Scaled so that neither the sum nor the squares overflow.
    let scale = min.abs().max(max.abs()).max(f64::MIN_POSITIVE);
    let mean = values.iter().map(|value| value / scale).sum::<f64>() / count;
    let squares = values.iter().map(|value| (value / scale - mean).powi(2)).sum::<f64>();
    let at = |share| quantile(values, share).expect("a sample has values");
    Summary {
        count: values.len(),
        mean: mean * scale,
        std: (squares / (count - 1.0)).sqrt() * scale,
        min,
        p05: at(0.05),
        median: at(0.5),
        p95: at(0.95),
        max,
    }
}

/// Orders drifted features first, then by p-value, then by statistic, then by name.
fn by_evidence(a: &FeatureDrift, b: &FeatureDrift) -> Ordering {
    let p = |feature: &FeatureDrift| feature.p_value.unwrap_or(f64::INFINITY);
    b.drifted
        .cmp(&a.drifted)
        .then_with(|| p(a).total_cmp(&p(b)))
        .then_with(|| b.statistic.total_cmp(&a.statistic))
        .then_with(|| a.name.cmp(&b.name))
}

fn report(
    reference: &Table,
    current: &Table,
    options: Options,
    features: Vec<FeatureDrift>,
    skipped: BTreeMap<String, String>,
) -> DriftReport {
    let drifted = features.iter().filter(|feature| feature.drifted).count();
    let share = drifted as f64 / features.len().max(1) as f64;
    DriftReport {
        format_version: FORMAT_VERSION,
        about: options.about,
        reference_rows: reference.rows,
        current_rows: current.rows,
        drift_share: options.drift_share,
        drifted,
        share,
        dataset_drift: share >= options.drift_share,
        features,
        skipped: skipped.into_iter().map(|(name, reason)| Skipped { name, reason }).collect(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn options() -> Options {
        Options::new(About::new("r1", Timestamp::UNIX_EPOCH))
    }

    fn table(columns: &[(&str, &[f64])]) -> Table {
        let rows = columns.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let columns = columns.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect();
        Table { rows, columns, skipped: Vec::new() }
    }

    fn ramp(count: u32, offset: f64) -> Vec<f64> {
        (0..count).map(|i| f64::from(i) / f64::from(count) + offset).collect()
    }

    #[test]
    fn shifted_features_drift_and_come_first() {
        let (base, near, far) = (ramp(100, 0.0), ramp(90, 0.01), ramp(90, 0.6));
        let reference = table(&[("a", &base), ("b", &base), ("c", &base), ("d", &base)]);
        let current = table(&[("a", &near), ("b", &ramp(90, 0.3)), ("c", &far), ("d", &near)]);
        let report = detect(&reference, &current, options()).unwrap();
        let names: Vec<&str> = report.features.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a", "d"]);
        assert_eq!((report.drifted, report.share, report.dataset_drift), (2, 0.5, true));
        assert_eq!((report.reference_rows, report.current_rows), (100, 90));
    }

    #[test]
    fn the_drift_share_decides_on_dataset_drift() {
        let (base, far) = (ramp(100, 0.0), ramp(100, 0.6));
        let reference = table(&[("a", &base), ("b", &base), ("c", &base)]);
        let current = table(&[("a", &base), ("b", &base), ("c", &far)]);
        let at = |drift_share| detect(&reference, &current, Options { drift_share, ..options() }).unwrap();
        assert!(!at(0.5).dataset_drift && at(1.0 / 3.0).dataset_drift);
    }

    #[test]
    fn the_threshold_decides_on_drift_of_a_feature() {
        let reference = table(&[("a", &ramp(100, 0.0))]);
        let current = table(&[("a", &ramp(100, 0.15))]);
        let at = |threshold| {
            let report =
                detect(&reference, &current, Options { threshold: Some(threshold), ..options() }).unwrap();
            (report.features[0].drifted, report.features[0].p_value.unwrap())
        };
        let (_, p) = at(0.05);
        assert!(at(p * 1.01).0 && !at(p).0);
    }

    #[test]
    fn features_that_cannot_be_compared_are_listed_with_the_reason() {
        let reference = table(&[("a", &[1.0, 2.0]), ("b", &[1.0, 2.0]), ("c", &[1.0])]);
        let mut current = table(&[("a", &[1.0, 2.0]), ("c", &[1.0, 2.0]), ("d", &[1.0, 2.0])]);
        current.skipped.push(Skipped { name: "slide".into(), reason: "not a number".into() });
        let report = detect(&reference, &current, options()).unwrap();
        let skipped: Vec<String> =
            report.skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.reason)).collect();
        assert_eq!(
            skipped,
            [
                "b: missing in the current data",
                "c: needs 2 values on each side, has 1 in the reference",
                "d: missing in the reference",
                "slide: not a number (current data)",
            ]
        );
        assert_eq!(report.features.len(), 1);
    }

    #[test]
    fn summaries_match_numpy() {
        let summary = summary(&Sample::new("x", &[1.0, 2.0, 4.0, 8.0]).unwrap());
        let numbers =
            [summary.mean, summary.std, summary.min, summary.p05, summary.median, summary.p95, summary.max];
        let expected = [3.75, 3.095_695_936_834_452, 1.0, 1.15, 3.0, 7.4, 8.0];
        for (number, expected) in numbers.into_iter().zip(expected) {
            assert!((number - expected).abs() < 1e-12, "{number} {expected}");
        }
    }

    #[test]
    fn constant_and_huge_values_have_finite_summaries() {
        for values in [[0.0, 0.0], [7.0, 7.0], [-1e308, 1e308], [1e-320, 0.0]] {
            let summary = summary(&Sample::new("x", &values).unwrap());
            assert!(summary.mean.is_finite() && summary.std.is_finite(), "{values:?}: {summary:?}");
        }
    }

    #[test]
    fn no_current_images_are_no_drift_and_no_error() {
        let reference = table(&[("a", &[1.0, 2.0])]);
        let report = detect(&reference, &table(&[]), options()).unwrap();
        assert!(report.features.is_empty() && !report.dataset_drift);
        assert_eq!(report.skipped[0].reason, "missing in the current data");
    }

    #[test]
    fn tables_without_common_columns_and_options_out_of_range_are_errors() {
        let (a, b) = (table(&[("a", &[1.0, 2.0])]), table(&[("b", &[1.0, 2.0])]));
        assert!(matches!(detect(&a, &b, options()), Err(Error::NothingInCommon { .. })));
        let bad = |threshold, drift_share| {
            detect(&a, &a, Options { threshold: Some(threshold), drift_share, ..options() }).unwrap_err()
        };
        assert!(matches!(bad(f64::NAN, 0.5), Error::Threshold(_)));
        assert!(matches!(bad(0.0, 0.5), Error::Threshold(_)));
        assert!(matches!(bad(0.05, 0.0), Error::DriftShare(_)));
        assert!(matches!(bad(0.05, 1.1), Error::DriftShare(_)));
    }
}
