//! Gauges of the newest window: one per family, feature and outcome.

use bcs_drift::quality::{Quality, WindowQuality};
use bcs_drift::{DriftReport, Outcome};
use bcs_service::Metrics;
use prometheus::{Error, GaugeVec, Opts};

/// Gauges of the newest window.
#[derive(Debug)]
pub struct Gauges {
    outcome: GaugeVec,
    family_drift: GaugeVec,
    family_p_value: GaugeVec,
    feature_effect: GaugeVec,
    feature_p_value: GaugeVec,
    estimated_dice: GaugeVec,
    measured_dice: GaugeVec,
    family_evidence: GaugeVec,
    family_alarm: GaugeVec,
}

impl Gauges {
    /// Creates the gauges and registers them with those of the server.
    ///
    /// # Errors
    /// [`Error`] if a name is already registered.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let labelled = |name: &str, labels: &[&str], help: &str| {
            let gauges = GaugeVec::new(Opts::new(format!("bcs_drift_monitor_{name}"), help), labels)?;
            metrics.registry().register(Box::new(gauges.clone()))?;
            Ok::<_, Error>(gauges)
        };
        let gauges = |name, label, help| labelled(name, &[label], help);
        Ok(Self {
            outcome: gauges(
                "last_run_outcome",
                "outcome",
                "1 for the outcome of the last run, 0 for the others",
            )?,
            family_drift: gauges("family_drift", "family", "1 if a family of features drifted, otherwise 0")?,
            family_p_value: gauges(
                "family_p_value",
                "family",
                "Smallest p-value of a family of features, adjusted for all features",
            )?,
            feature_effect: gauges(
                "feature_effect",
                "feature",
                "Shift of a feature in standard deviations between cases; positive if the current values are larger",
            )?,
            feature_p_value: gauges(
                "feature_p_value",
                "feature",
                "Smallest p-value of a feature, adjusted for all features",
            )?,
            estimated_dice: labelled(
                "estimated_dice",
                &["class", "value"],
                "Dice of a class estimated from the probabilities, with the ends of its 95 % interval; in [0, 1]",
            )?,
            measured_dice: labelled(
                "measured_dice",
                &["class", "value"],
                "Dice of a class in the images with a corrected mask, with the ends of its 95 % interval; in [0, 1]",
            )?,
            family_evidence: gauges(
                "family_evidence",
                "family",
                "Evidence of drift of a family from all windows so far: 0 without any, 1 if it suffices for an alarm",
            )?,
            family_alarm: gauges(
                "family_alarm",
                "family",
                "1 if the window raised an alarm over time of a family, otherwise 0",
            )?,
        })
    }

    /// Shows a report in place of the last one.
    pub fn show(&self, report: &DriftReport) {
        for outcome in [Outcome::NoDrift, Outcome::Drift, Outcome::NotJudged] {
            let is = report.outcome() == outcome;
            self.outcome.with_label_values(&[&label(&outcome)]).set(f64::from(u8::from(is)));
        }
        let all = [
            &self.family_drift,
            &self.family_p_value,
            &self.feature_effect,
            &self.feature_p_value,
            &self.family_evidence,
            &self.family_alarm,
        ];
        all.into_iter().for_each(GaugeVec::reset);
        for found in report.over_time.iter().flat_map(|over_time| &over_time.families) {
            let family = label(&found.family);
            self.family_evidence.with_label_values(&[&family]).set(found.evidence);
            self.family_alarm.with_label_values(&[&family]).set(f64::from(u8::from(found.alarm.is_some())));
        }
        self.show_quality(report.quality.as_ref());
        let Some(judgement) = &report.judgement else { return };
        for verdict in &judgement.families {
            let family = label(&verdict.family);
            self.family_drift.with_label_values(&[&family]).set(f64::from(u8::from(verdict.drifted)));
            if let Some(p_value) = verdict.p_value {
                self.family_p_value.with_label_values(&[&family]).set(p_value);
            }
        }
        // The smallest p-value of a feature comes first.
        for finding in judgement.findings.iter().rev() {
            self.feature_effect.with_label_values(&[&finding.feature]).set(finding.effect.value);
            if let Some(p_value) = finding.p_value {
                self.feature_p_value.with_label_values(&[&finding.feature]).set(p_value);
            }
        }
    }

    fn show_quality(&self, quality: Option<&WindowQuality>) {
        self.estimated_dice.reset();
        self.measured_dice.reset();
        for class in quality.iter().flat_map(|quality| &quality.classes) {
            set(&self.estimated_dice, &class.name, class.estimated);
            set(&self.measured_dice, &class.name, class.measured);
        }
    }
}

/// Sets the Dice of a class, and the ends of its interval if it has one.
fn set(gauges: &GaugeVec, class: &str, quality: Option<Quality>) {
    let Some(Quality { dice, interval, .. }) = quality else { return };
    let ends = interval.map(|[low, high]| [("low", low), ("high", high)]);
    for (name, value) in [("dice", dice)].into_iter().chain(ends.into_iter().flatten()) {
        gauges.with_label_values(&[class, name]).set(value);
    }
}

/// Name of a family or an outcome as in the report.
fn label(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
