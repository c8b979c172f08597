//! Drift detection: whether the current images drifted from the reference, and in which features.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::histogram;
use crate::judgement::units::{Units, block_length};
use crate::judgement::{self, Finding, Judgement, Outcome};
use crate::report::{About, CaseMeans, DriftReport, FORMAT_VERSION, FeatureDrift, Skipped, Summary};
use crate::sample::{Sample, quantile};
use crate::stattests::{StatTest, evidently};
use crate::table::{Part, Table};
use crate::verdict;

/// Minimum number of values on each side for a feature to be compared: a standard deviation needs two.
const MIN_VALUES: usize = 2;

/// Maximum number of cases of each side that a report shows one by one.
const MAX_MARKS: usize = 60;

/// Name of the test of a feature whose cases are compared.
pub const CASES: &str = "cases";

/// What decides about drift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// [`judgement`]: cases are the unit, and the level holds for all features together.
    #[default]
    Clustered,
    /// Evidently's `DataDriftPreset`: images are the unit, each feature has a test of its own, and the share of drifted
    /// features decides.
    Evidently,
}

/// Options of a comparison.
#[derive(Debug, Clone)]
pub struct Options {
    /// Identity of the comparison.
    pub about: About,
    /// What decides about drift.
    pub preset: Preset,
    /// Probability of an alarm without drift, for [`Preset::Clustered`]; in (0, 1).
    pub alpha: f64,
    /// Statistical test of every feature, for [`Preset::Evidently`]; `None` for Evidently's choice.
    pub test: Option<&'static dyn StatTest>,
    /// Drift threshold of a feature, for [`Preset::Evidently`], above 0; `None` for the default of the test.
    pub threshold: Option<f64>,
    /// Share of drifted features from which the dataset counts as drifted, for [`Preset::Evidently`]; in (0, 1].
    pub drift_share: f64,
}

impl Options {
    /// Creates options with the defaults: a level of 2 %, and Evidently's share of one half.
    pub fn new(about: About) -> Self {
        let alpha = judgement::Options::default().alpha;
        Self { about, preset: Preset::default(), alpha, test: None, threshold: None, drift_share: 0.5 }
    }
}

/// Compares the current images with the reference.
///
/// A feature that is missing on one side, or has fewer than 2 values there, is listed as skipped. Without current
/// images, this is every feature. The report has no notes but on missing cases; the caller adds what it knows of.
///
/// # Errors
/// [`Error::Alpha`], [`Error::Threshold`] and [`Error::DriftShare`] for options out of range; [`Error::NothingInCommon`] if
/// both sides have features, but none in common.
pub fn detect(reference: &Table, current: &Table, options: Options) -> Result<DriftReport, Error> {
    check(&options)?;
    require_common(reference, current)?;
    let mut skipped = skipped_columns(reference, current);
    let judgement = (options.preset == Preset::Clustered).then(|| judge(reference, current, &options));
    let mut features = Vec::new();
    let sides = Sides::new(reference, current);
    let names: Vec<&str> = reference.names().union(&current.names()).copied().collect();
    let compared: Vec<_> =
        names.par_iter().map(|name| sides.compare(name, judgement.as_ref(), &options)).collect();
    for (name, compared) in names.into_iter().zip(compared) {
        match compared {
            Ok(feature) => features.push(feature),
            Err(reason) => _ = skipped.entry(name.to_owned()).or_insert(reason),
        }
    }
    features.sort_by(by_evidence);
    Ok(report(reference, current, options, judgement, features, skipped))
}

/// Reference and current table, with the units of their parts.
struct Sides<'a>([(&'a Table, Vec<Units>); 2]);

impl<'a> Sides<'a> {
    fn new(reference: &'a Table, current: &'a Table) -> Self {
        let block = block_length(reference.parts.iter().chain(&current.parts));
        let units = |table: &Table| table.parts.iter().map(|part| Units::new(part, block)).collect();
        Self([reference, current].map(|table| (table, units(table))))
    }

    /// Compares a feature, or returns the reason why it cannot be compared.
    fn compare(
        &self,
        name: &str,
        judgement: Option<&Judgement>,
        options: &Options,
    ) -> Result<FeatureDrift, String> {
        let values = self.0.each_ref().map(|(table, _)| table.values(name));
        if let Some(reason) = obstacle(&values) {
            return Err(reason);
        }
        let [reference, current] = values.map(|values| Sample::new(name, values.unwrap_or_default()));
        let samples = [reference, current].into_iter().collect::<Result<Vec<_>, _>>();
        let samples = samples.map_err(|error| error.to_string())?;
        match judgement {
            Some(judgement) => {
                let [reference, current] =
                    self.0.each_ref().map(|(table, units)| case_means(table, units, name));
                let cases = CaseMeans { reference, current };
                Ok(FeatureDrift { cases, ..of_cases(name, &samples[0], &samples[1], judgement) })
            }
            None => {
                compare(name, &samples[0], &samples[1], options).map_err(|unsuitable| unsuitable.to_string())
            }
        }
    }
}

/// Returns a report on `rows` current images that are not compared, for this reason.
///
/// # Errors
/// Those of [`detect`] for options out of range.
pub fn not_judged(
    reference: &Table,
    rows: usize,
    options: Options,
    reason: &str,
) -> Result<DriftReport, Error> {
    let mut report = detect(reference, &Table::default(), options)?;
    report.current_rows = rows;
    if let Some(judgement) = &mut report.judgement {
        judgement.reason = Some(reason.to_owned());
    }
    for skipped in &mut report.skipped {
        reason.clone_into(&mut skipped.reason);
    }
    report.verdict = verdict::sentence(&report);
    Ok(report)
}

fn check(options: &Options) -> Result<(), Error> {
    let Options { alpha, threshold, drift_share, .. } = *options;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::Alpha(alpha));
    }
    if let Some(threshold) = threshold.filter(|threshold| !(threshold.is_finite() && *threshold > 0.0)) {
        return Err(Error::Threshold(threshold));
    }
    if !(drift_share > 0.0 && drift_share <= 1.0) {
        return Err(Error::DriftShare(drift_share));
    }
    Ok(())
}

/// Tables without a common column are an error of the caller; an empty table is not.
fn require_common(reference: &Table, current: &Table) -> Result<(), Error> {
    let (of_reference, of_current) = (reference.names(), current.names());
    if of_reference.is_empty() || of_current.is_empty() || !of_reference.is_disjoint(&of_current) {
        return Ok(());
    }
    let listed = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::NothingInCommon { reference: listed(of_reference), current: listed(of_current) })
}

fn judge(reference: &Table, current: &Table, options: &Options) -> Judgement {
    let parts: Vec<_> = reference.parts.iter().collect();
    let options = judgement::Options { alpha: options.alpha, ..judgement::Options::default() };
    judgement::judge(&parts, current.parts.first().unwrap_or(&Part::default()), &options)
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

/// Reason why a feature with these values cannot be compared, if there is one.
fn obstacle(sides: &[Option<Vec<f64>>; 2]) -> Option<String> {
    ["reference", "current data"].into_iter().zip(sides).find_map(|(side, values)| match values {
        None => Some(format!("missing in the {side}")),
        Some(values) if values.len() < MIN_VALUES => {
            let count = values.len();
            Some(format!("needs {MIN_VALUES} values on each side, has {count} in the {side}"))
        }
        Some(_) => None,
    })
}

/// Compares the images of both sides by a statistical test.
///
/// # Errors
/// [`Error::Unsuitable`] if the test cannot be applied.
fn compare(
    name: &str,
    reference: &Sample,
    current: &Sample,
    options: &Options,
) -> Result<FeatureDrift, Error> {
    let test = options.test.unwrap_or_else(|| evidently::choose(reference, current));
    let threshold = options.threshold.unwrap_or_else(|| test.default_threshold());
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
        cases: CaseMeans::default(),
    })
}

/// Describes a feature whose cases were judged: its statistic is the shift in standard deviations between cases.
fn of_cases(name: &str, reference: &Sample, current: &Sample, judgement: &Judgement) -> FeatureDrift {
    let findings = || judgement.findings.iter().filter(|finding| finding.feature == name);
    // Ordered by p-value.
    let strongest = findings().next();
    FeatureDrift {
        name: name.to_owned(),
        test: CASES.to_owned(),
        statistic: strongest.map_or(0.0, |finding: &Finding| finding.effect.value),
        p_value: strongest.and_then(|finding| finding.p_value),
        threshold: judgement.alpha,
        drifted: strongest
            .and_then(|finding| finding.p_value)
            .is_some_and(|p_value| p_value < judgement.alpha),
        reference: summary(reference),
        current: summary(current),
        histogram: histogram::shared(reference, current),
        cases: CaseMeans::default(),
    }
}

/// Means of a feature over the cases that have it.
fn case_means(table: &Table, units: &[Units], feature: &str) -> Vec<f64> {
    let mut parts = table.parts.iter().zip(units);
    let Some((units, values)) = parts.find_map(|(part, units)| Some((units, part.features.get(feature)?)))
    else {
        return Vec::new();
    };
    let mut means: Vec<f64> = units.group(values).means().flatten().collect();
    means.sort_unstable_by(f64::total_cmp);
    match means.len() {
        count if count <= MAX_MARKS => means,
        count => (0..MAX_MARKS).map(|at| means[at * (count - 1) / (MAX_MARKS - 1)]).collect(),
    }
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
        .then_with(|| b.statistic.abs().total_cmp(&a.statistic.abs()))
        .then_with(|| a.name.cmp(&b.name))
}

fn report(
    reference: &Table,
    current: &Table,
    options: Options,
    judgement: Option<Judgement>,
    features: Vec<FeatureDrift>,
    skipped: BTreeMap<String, String>,
) -> DriftReport {
    let drifted = features.iter().filter(|feature| feature.drifted).count();
    let share = drifted as f64 / features.len().max(1) as f64;
    let outcome = match &judgement {
        Some(judgement) => judgement.outcome,
        None if features.is_empty() => Outcome::NotJudged,
        None if share >= options.drift_share => Outcome::Drift,
        None => Outcome::NoDrift,
    };
    let unclustered = judgement.as_ref().is_some_and(|judgement| !judgement.clustered && current.rows > 0);
    let mut report = DriftReport {
        format_version: FORMAT_VERSION,
        about: options.about,
        outcome: Some(outcome),
        verdict: String::new(),
        reference_rows: reference.rows,
        current_rows: current.rows,
        drift_share: options.drift_share,
        drifted,
        share,
        dataset_drift: outcome == Outcome::Drift,
        judgement,
        features,
        skipped: skipped.into_iter().map(|(name, reason)| Skipped { name, reason }).collect(),
        notes: unclustered.then(|| UNCLUSTERED.to_owned()).into_iter().collect(),
        trend: Vec::new(),
        quality: None,
        unusual: Vec::new(),
        to_label: Vec::new(),
        over_time: None,
    };
    report.verdict = verdict::sentence(&report);
    report
}

/// Note on images without a case.
const UNCLUSTERED: &str = "unclustered: some images have no case (patient or slide), so that blocks of consecutive images \
                           stand for cases; images of one slide in several blocks make alarms more frequent";

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::table::Cases;

    fn options() -> Options {
        Options { preset: Preset::Evidently, ..Options::new(About::new("r1", Timestamp::UNIX_EPOCH)) }
    }

    fn table(columns: &[(&str, &[f64])]) -> Table {
        let rows = columns.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let padded = |values: &[f64]| (0..rows).map(|row| values.get(row).copied()).collect();
        let features = columns.iter().map(|(name, values)| ((*name).to_owned(), padded(values))).collect();
        Table {
            rows,
            parts: vec![Part { cases: vec![None; rows].into_iter().collect(), features }],
            skipped: Vec::new(),
        }
    }

    /// Gives the rows cases of five images each.
    fn with_cases(mut table: Table, side: &str) -> Table {
        let mut cases = Cases::default();
        (0..table.rows).for_each(|row| cases.push(Some(&format!("{side}{}", row / 5))));
        table.parts[0].cases = cases;
        table
    }

    #[test]
    fn cases_decide_by_default() {
        let spread = |count: u32, offset: f64| -> Vec<f64> {
            (0..count).map(|at| f64::from(at * 37 % 100) / 100.0 + offset).collect()
        };
        let options = || Options::new(About::new("r1", Timestamp::UNIX_EPOCH));
        let reference = with_cases(table(&[("a", &spread(100, 0.0)), ("b", &spread(100, 0.0))]), "r");
        let judged = |count: u32, offset: f64| {
            let current =
                with_cases(table(&[("a", &spread(count, offset)), ("b", &spread(count, 0.0))]), "c");
            detect(&reference, &current, options()).unwrap()
        };
        let drift = judged(50, 2.0);
        assert_eq!((drift.outcome(), drift.drifted, drift.dataset_drift), (Outcome::Drift, 1, true));
        assert_eq!((drift.features[0].name.as_str(), drift.features[0].test.as_str()), ("a", CASES));
        assert!(drift.features[0].statistic > 2.0 && drift.notes.is_empty());
        assert_eq!(judged(50, 0.0).outcome(), Outcome::NoDrift);
        let one = judged(5, 2.0);
        assert_eq!((one.outcome(), one.features[0].p_value), (Outcome::NotJudged, None));
        let mut unclustered = reference.clone();
        unclustered.parts[0].cases = vec![None; unclustered.rows].into_iter().collect();
        let report = detect(&reference, &unclustered, options()).unwrap();
        assert!(report.notes[0].starts_with("unclustered"), "{:?}", report.notes);
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
        let summary = summary(&Sample::new("x", [1.0, 2.0, 4.0, 8.0]).unwrap());
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
            let summary = summary(&Sample::new("x", values).unwrap());
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
        for alpha in [0.0, 1.0, f64::NAN] {
            let error = detect(&a, &a, Options { alpha, ..options() }).unwrap_err();
            assert!(matches!(error, Error::Alpha(_)));
        }
    }
}
