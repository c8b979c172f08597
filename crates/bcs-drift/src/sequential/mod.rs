//! Alarms over time: a sequential test of whether new cases still look like those of the reference.
//!
//! A judgement of each window at 5 % raises an alarm in every twentieth window without drift. Here, evidence accumulates from
//! case to case instead, and the number of false alarms is bounded: at most [`Settings::alarms_per_month`] on average, over all
//! families together, whatever the dependence of the features.
//!
//! Each case gets, per feature, a conformal p-value: its rank among the cases of the reference and all cases before it. If cases
//! are exchangeable, these p-values are independent and uniform. A bet against that multiplies its stake by a function of the
//! p-value whose mean is 1 without drift; the Shiryaev-Roberts procedure starts a bet at each case, so that the sum of all stakes
//! after n cases is n on average. The mean of such sums over bets and features of a family is again n on average, so that a level
//! of c is reached at most once in c cases.
//!
//! Sources: V. Vovk, I. Petej, I. Nouretdinov, E. Ahlberg, L. Carlsson and A. Gammerman, "Retrain or not retrain: conformal test
//! martingales for change-point detection", PMLR 152, 2021; A. N. Shiryaev, "On optimum methods in quickest detection problems",
//! Theory of Probability and its Applications 8, 1963.
//!
//! ```
//! use bcs_drift::sequential::{Sequential, Settings};
//! use bcs_drift::table::Part;
//!
//! let table = |cases: std::ops::Range<u32>, shift: f64| {
//!     let mut part = Part::default();
//!     for case in cases.clone() {
//!         part.cases.push(Some(&format!("case {case}")));
//!     }
//!     let values = cases.map(|case| Some(f64::from(case * 7 % 30) + shift));
//!     part.features.insert("eosin_mean".to_owned(), values.collect());
//!     part
//! };
//! let mut sequential = Sequential::new(&[&table(0..60, 0.0)], Settings::default());
//! assert!(sequential.observe(&table(60..70, 0.0)).is_empty());
//! // The state is stored between windows.
//! let stored = serde_json::to_string(&sequential)?;
//! let mut sequential: Sequential = serde_json::from_str(&stored)?;
//! let alarms: Vec<_> = (7..20).flat_map(|day| sequential.observe(&table(day * 10..day * 10 + 10, 20.0))).collect();
//! assert_eq!(alarms[0].feature, "eosin_mean");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Layout
//! - `cases`: means of the images of a case
//! - [`history`]: alarms over the windows of earlier reports
//! - `stream`: the evidence of one feature

mod cases;
pub mod history;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::history::{FamilyOverTime, OverTime};
use self::stream::Stream;
use crate::judgement::Family;
use crate::table::Part;

/// Settings of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Mean number of false alarms a month over all families, above 0.
    pub alarms_per_month: f64,
    /// Number of cases a month. If there are more, there are more false alarms in proportion.
    pub cases_per_month: f64,
    /// Number of consecutive windows with new cases in which the evidence of a family must suffice before the alarm.
    pub persistence: u32,
    /// Seed of the numbers that break ties of ranks.
    pub seed: u64,
}

impl Default for Settings {
    /// One false alarm in ten months with 100 cases each; two windows in a row.
    fn default() -> Self {
        Self { alarms_per_month: 0.1, cases_per_month: 100.0, persistence: 2, seed: 0 }
    }
}

/// An alarm of a family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The family.
    pub family: Family,
    /// Feature with the most evidence.
    pub feature: String,
    /// Number of cases since the last alarm of the family, or since the start.
    pub cases: u64,
}

/// State of the test, to be stored between windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequential {
    settings: Settings,
    families: BTreeMap<Family, State>,
    /// Cases that have been counted, so that a case whose images fall into several windows counts once.
    seen: BTreeSet<String>,
}

/// State of a family.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    streams: BTreeMap<String, Stream>,
    /// Number of consecutive windows whose evidence sufficed.
    sufficient: u32,
    /// Number of cases since the last alarm.
    cases: u64,
}

impl Sequential {
    /// Starts with the cases of a reference. Images without a case do not count.
    pub fn new(reference: &[&Part], settings: Settings) -> Self {
        let mut families: BTreeMap<Family, State> = BTreeMap::new();
        for table in reference {
            for (_, features) in cases::means(table) {
                for (feature, mean) in features {
                    let state = families.entry(Family::of(feature)).or_default();
                    state.streams.entry(feature.to_owned()).or_default().learn(mean);
                }
            }
        }
        Self { settings, families, seen: BTreeSet::new() }
    }

    /// Counts the new cases of a window and returns the alarms. The evidence of a family starts anew after its alarm. Features
    /// that the reference does not have, images without a case, and cases that have been counted before are passed over.
    pub fn observe(&mut self, window: &Part) -> Vec<Alarm> {
        let (limit, settings) = (self.limit(), self.settings);
        let mut is_new = false;
        for (case, features) in cases::means(window) {
            if !self.seen.insert(case.to_owned()) {
                continue;
            }
            is_new = true;
            let number = self.seen.len() as u64;
            for (feature, mean) in features {
                let state = self.families.get_mut(&Family::of(feature));
                if let Some(stream) = state.and_then(|state| state.streams.get_mut(feature)) {
                    stream.observe(mean, settings.seed ^ number);
                }
            }
            self.families.values_mut().for_each(|state| state.cases += 1);
        }
        if !is_new {
            return Vec::new();
        }
        let families = self.families.iter_mut();
        families.filter_map(|(family, state)| state.alarm(*family, limit, settings.persistence)).collect()
    }

    /// Number of cases that have been counted.
    pub fn cases(&self) -> usize {
        self.seen.len()
    }

    /// Evidence of each family as a share of what an alarm takes, on a logarithmic scale: 0 without any, 1 for an alarm.
    pub fn evidence(&self) -> BTreeMap<Family, f64> {
        let limit = self.limit();
        self.families.iter().map(|(family, state)| (*family, (state.evidence() / limit).max(0.0))).collect()
    }

    /// Logarithm of the level that the evidence of a family must reach. A family reaches a level of c once in c cases at most.
    fn limit(&self) -> f64 {
        let Settings { alarms_per_month, cases_per_month, .. } = self.settings;
        (self.families.len() as f64 * cases_per_month / alarms_per_month).max(f64::MIN_POSITIVE).ln().max(1.0)
    }
}

impl State {
    /// Logarithm of the mean evidence of the features.
    fn evidence(&self) -> f64 {
        stream::ln_mean(self.streams.values().map(Stream::evidence))
    }

    /// Ends a window, with an alarm if the evidence has sufficed for long enough.
    fn alarm(&mut self, family: Family, limit: f64, persistence: u32) -> Option<Alarm> {
        self.sufficient = if self.evidence() >= limit { self.sufficient + 1 } else { 0 };
        if self.sufficient < persistence.max(1) {
            return None;
        }
        let leading = self.streams.iter().max_by(|(_, a), (_, b)| a.evidence().total_cmp(&b.evidence()))?;
        let alarm = Alarm { family, feature: leading.0.clone(), cases: self.cases };
        self.streams.values_mut().for_each(Stream::restart);
        (self.sufficient, self.cases) = (0, 0);
        Some(alarm)
    }
}

#[cfg(test)]
mod tests;
