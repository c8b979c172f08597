//! Alarms over the windows of earlier reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Alarm, Sequential, Settings};
use crate::judgement::Family;
use crate::table::Part;

/// The evidence of all windows so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverTime {
    /// Mean number of false alarms a month that the settings allow.
    pub alarms_per_month: f64,
    /// Number of windows, the current one included.
    pub windows: usize,
    /// Number of different cases in them.
    pub cases: usize,
    /// The families of the reference.
    pub families: Vec<FamilyOverTime>,
}

/// The evidence of a family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilyOverTime {
    /// The family.
    pub family: Family,
    /// Evidence of drift after the current window as a share of what an alarm takes, on a logarithmic scale: 0 without any, 1 from
    /// which it suffices.
    pub evidence: f64,
    /// The alarm that the current window raised, if any.
    pub alarm: Option<Alarm>,
    /// Number of alarms of earlier windows.
    pub earlier_alarms: usize,
}

impl OverTime {
    /// Returns the alarms that the current window raised.
    pub fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.families.iter().filter_map(|family| family.alarm.as_ref())
    }

    /// Derives the evidence from the windows in the order of time, of which the last is the current one. A case that several
    /// windows have counts once, so that the same window twice has no effect.
    pub fn of(reference: &[&Part], windows: &[Part], settings: Settings) -> Self {
        let mut sequential = Sequential::new(reference, settings);
        let mut earlier: BTreeMap<Family, usize> = BTreeMap::new();
        let (mut evidence, mut alarms) = (sequential.evidence(), Vec::new());
        for (at, window) in windows.iter().enumerate() {
            alarms = sequential.observe(window);
            evidence = sequential.evidence();
            if at + 1 < windows.len() {
                alarms.iter().for_each(|alarm| *earlier.entry(alarm.family).or_default() += 1);
            }
        }
        let mut families: Vec<FamilyOverTime> = evidence
            .into_iter()
            .map(|(family, evidence)| {
                let alarm = alarms.iter().find(|alarm| alarm.family == family).cloned();
                // The evidence starts anew after an alarm, which it sufficed for.
                let evidence = if alarm.is_some() { 1.0 } else { evidence };
                let earlier_alarms = earlier.get(&family).copied().unwrap_or_default();
                FamilyOverTime { family, evidence, alarm, earlier_alarms }
            })
            .collect();
        families.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
        let Settings { alarms_per_month, .. } = settings;
        Self { alarms_per_month, windows: windows.len(), cases: sequential.cases(), families }
    }
}
