//! The judgement of whether current images differ from the reference, with the case (patient or slide) as the unit.
//!
//! The tiles of a slide resemble each other, so that tests which count them as independent raise an alarm for every new
//! slide. Here each feature is averaged over the tiles of a case, and the cases of both sides are permuted: the largest
//! statistic over all features in each arrangement gives p-values that hold for all features together (Westfall and Young,
//! *Resampling-Based Multiple Testing*, 1993). With too few cases for that, Student's t-test of the case means decides, with
//! Šidák's correction.
//!
//! # Layout
//! - `clustering`: intraclass correlation and design effect
//! - `effect`: effect sizes with intervals
//! - [`family`]: families of features
//! - `max_t`: p-values by permutation of cases
//! - [`power`]: number of cases needed
//! - `spread`: spread of the images of a case
//! - `student`: p-values for few cases
//! - `units`: cases, or blocks of images without cases

mod clustering;
mod effect;
pub mod family;
mod max_t;
pub mod power;
mod spread;
mod student;
mod units;

use std::collections::BTreeMap;

use bcs_contracts::FeatureTable;
use serde::{Deserialize, Serialize};

pub use self::clustering::Clustering;
pub use self::effect::Effect;
pub use self::family::Family;
use self::units::Units;

/// Minimum number of current cases: with fewer, a difference may be that of one patient.
pub const MIN_CURRENT: usize = 3;

/// Minimum number of reference cases.
pub const MIN_REFERENCE: usize = 2;

/// Shift that [`Judgement::cases_needed`] refers to, in standard deviations between cases.
pub const PLANNED_SHIFT: f64 = 0.5;

/// Options of a judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Probability of an alarm without drift, over all features together, in (0, 1).
    pub alpha: f64,
    /// Seed of permutations and bootstrap.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { alpha: 0.05, seed: 0 }
    }
}

/// Outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No difference beyond chance.
    NoDrift,
    /// At least one family of features differs.
    Drift,
    /// There is too little to judge.
    NotJudged,
}

/// How p-values were computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By permutation of cases.
    Permutation,
    /// By Student's t-test of case means, since there are too few arrangements of the cases.
    StudentT,
}

/// What is compared of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// The mean of a case.
    Mean,
    /// The spread within a case, which a minority of unusual images widens.
    Spread,
}

/// Judgement of one quantity of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the feature.
    pub feature: String,
    /// Family of the feature.
    pub family: Family,
    /// What is compared.
    pub quantity: Quantity,
    /// Number of reference cases and current cases that have the feature.
    pub cases: [usize; 2],
    /// Two-sample t statistic of the cases; positive if the current values are larger. `None` if neither side varies.
    pub statistic: Option<f64>,
    /// P-value, adjusted for all quantities of all features, in (0, 1].
    pub p_value: f64,
    /// Difference of the sides.
    pub effect: Effect,
    /// Resemblance of the reference images of a case; `None` where every case has one image.
    pub clustering: Option<Clustering>,
}

/// Judgement of a family of features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilyVerdict {
    /// The family.
    pub family: Family,
    /// Whether its smallest p-value is below alpha.
    pub drifted: bool,
    /// Smallest p-value of its findings.
    pub p_value: f64,
    /// Index of the finding with that p-value in [`Judgement::findings`].
    pub leading: usize,
}

/// Judgement of a window of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Outcome.
    pub outcome: Outcome,
    /// Why nothing was judged, as plain text; `None` if something was.
    pub reason: Option<String>,
    /// Level of the test.
    pub alpha: f64,
    /// How p-values were computed.
    pub method: Method,
    /// Number of units of reference and of current images.
    pub units: [usize; 2],
    /// Whether all images have a case. Otherwise blocks of consecutive images are the units of those that have none.
    pub clustered: bool,
    /// Number of current cases with which a shift of half a standard deviation is found in 80 % of all windows; `None` if the
    /// reference has too few cases for that.
    pub cases_needed: Option<usize>,
    /// Families, the smallest p-value first.
    pub families: Vec<FamilyVerdict>,
    /// All findings, the smallest p-value first.
    pub findings: Vec<Finding>,
    /// Features that were not compared, with the reason.
    pub skipped: BTreeMap<String, String>,
}

/// Compares current images with the tables of a reference. Each feature is compared with the table that has it.
pub fn judge(reference: &[&FeatureTable], current: &FeatureTable, options: &Options) -> Judgement {
    let block = units::block_length(reference.iter().copied().chain([current]));
    let current_units = Units::new(current, block);
    let mut skipped = BTreeMap::new();
    let mut groups = Vec::new();
    for table in reference {
        let units = Units::new(table, block);
        groups.push((group(table, &units, current, &current_units, &mut skipped), units));
    }
    for name in current.features.keys() {
        if !reference.iter().any(|table| table.features.contains_key(name)) {
            skipped.insert(name.clone(), "missing in the reference".to_owned());
        }
    }
    groups.retain(|(columns, _)| !columns.is_empty());
    let reference_units = groups.iter().map(|(_, units)| units.len()).max().unwrap_or(0);
    let clustered = current_units.clustered && groups.iter().all(|(_, units)| units.clustered);
    let columns: usize = groups.iter().map(|(columns, _)| columns.len()).sum();
    let mut judgement = Judgement {
        outcome: Outcome::NotJudged,
        reason: None,
        alpha: options.alpha,
        method: Method::Permutation,
        units: [reference_units, current_units.len()],
        clustered,
        cases_needed: power::cases_needed(PLANNED_SHIFT, reference_units, options.alpha, columns.max(1)),
        families: Vec::new(),
        findings: Vec::new(),
        skipped,
    };
    if let Some(reason) = obstacle(current, &judgement, columns) {
        judgement.reason = Some(reason);
        return judgement;
    }
    // Groups have different reference cases and are tested one by one, each at its share of alpha.
    let count = groups.len() as f64;
    for (columns, _) in groups {
        let (method, p_values) = p_values(&columns, options);
        if method == Method::StudentT {
            judgement.method = method;
        }
        judgement.findings.extend(columns.into_iter().zip(p_values).map(|(column, (statistic, p))| {
            column.into_finding(statistic, (p * count).min(1.0), options.seed)
        }));
    }
    judgement.findings.sort_by(|a, b| {
        let size = |finding: &Finding| finding.effect.value.abs();
        a.p_value.total_cmp(&b.p_value).then_with(|| size(b).total_cmp(&size(a)))
    });
    judgement.families = families(&judgement.findings, options.alpha);
    let drifted = judgement.families.iter().any(|family| family.drifted);
    judgement.outcome = if drifted { Outcome::Drift } else { Outcome::NoDrift };
    judgement
}

/// Why nothing can be judged, in words.
fn obstacle(current: &FeatureTable, judgement: &Judgement, columns: usize) -> Option<String> {
    let [reference, now] = judgement.units;
    let (unit, units) = if judgement.clustered { ("case", "cases") } else { ("block", "blocks") };
    let counted = |count: usize| format!("{count} {}", if count == 1 { unit } else { units });
    if current.rows() == 0 {
        Some("the window is empty".to_owned())
    } else if columns == 0 {
        Some("images and reference have no feature in common".to_owned())
    } else if reference < MIN_REFERENCE {
        Some(format!("{} in the reference, at least {MIN_REFERENCE} are needed", counted(reference)))
    } else if now < MIN_CURRENT {
        let needed = judgement.cases_needed.map_or_else(String::new, |needed| {
            format!("; a shift of half a standard deviation takes {needed}")
        });
        Some(format!("{} are too few to tell, at least {MIN_CURRENT} are needed{needed}", counted(now)))
    } else {
        None
    }
}

/// The values of one quantity of a feature: one per unit, where the unit has it.
#[derive(Debug)]
struct Column {
    feature: String,
    quantity: Quantity,
    reference: Vec<Option<f64>>,
    current: Vec<Option<f64>>,
    clustering: Option<Clustering>,
}

impl Column {
    fn count(values: &[Option<f64>]) -> usize {
        values.iter().flatten().count()
    }

    fn into_finding(self, statistic: Option<f64>, p_value: f64, seed: u64) -> Finding {
        let sides = [&self.reference, &self.current];
        Finding {
            family: Family::of(&self.feature),
            quantity: self.quantity,
            cases: sides.map(|values| Self::count(values)),
            statistic,
            p_value,
            effect: effect::effect(sides.map(|values| values.iter().flatten().copied().collect()), seed),
            clustering: self.clustering,
            feature: self.feature,
        }
    }
}

/// Returns the columns of all features that a reference table and the current images have in common.
fn group(
    table: &FeatureTable,
    units: &Units,
    current: &FeatureTable,
    current_units: &Units,
    skipped: &mut BTreeMap<String, String>,
) -> Vec<Column> {
    let (mut means, mut spreads) = (Vec::new(), Vec::new());
    for (name, values) in &table.features {
        let Some(now) = current.features.get(name) else {
            skipped.insert(name.clone(), "missing in the current images".to_owned());
            continue;
        };
        let [values, now] = [values, now].map(|values| family::comparable(name, values));
        let [reference, current] = [units.means(&values), current_units.means(&now)];
        if Column::count(&reference) < MIN_REFERENCE || Column::count(&current) == 0 {
            skipped.insert(name.clone(), "too few cases have it".to_owned());
            continue;
        }
        let clustering = clustering::clustering(&values, units);
        let [usual, unusual] = spread::spreads([(&values, units), (&now, current_units)]);
        let column = |quantity, reference, current| Column {
            feature: name.clone(),
            quantity,
            reference,
            current,
            clustering,
        };
        means.push(column(Quantity::Mean, reference, current));
        spreads.push(column(Quantity::Spread, usual, unusual));
    }
    means.extend(spreads);
    means
}

/// Returns the t statistic and the adjusted p-value of each column.
fn p_values(columns: &[Column], options: &Options) -> (Method, Vec<(Option<f64>, f64)>) {
    let data = max_t::Data::new(columns.iter().map(|column| (&column.reference[..], &column.current[..])));
    if data.smallest_p_value() < options.alpha {
        (Method::Permutation, data.p_values(options.seed))
    } else {
        (Method::StudentT, student::p_values(&data))
    }
}

/// Returns the verdict of each family that has findings, which are ordered by p-value.
fn families(findings: &[Finding], alpha: f64) -> Vec<FamilyVerdict> {
    let mut families: Vec<FamilyVerdict> = Vec::new();
    for (leading, Finding { family, p_value, .. }) in findings.iter().enumerate() {
        if !families.iter().any(|known| known.family == *family) {
            families.push(FamilyVerdict {
                family: *family,
                drifted: *p_value < alpha,
                p_value: *p_value,
                leading,
            });
        }
    }
    families
}

#[cfg(test)]
mod tests;
