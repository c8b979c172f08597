//! The values that are compared: one per case and quantity.

use std::collections::BTreeMap;

use bcs_contracts::FeatureTable;

use super::finding::{Finding, Quantity};
use super::units::Units;
use super::{Clustering, Effect, Family, MIN_REFERENCE, Method, Options};
use super::{clustering, effect, family, max_t, spread, student};

/// The values of one quantity of a feature: one per unit, where the unit has it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub feature: String,
    pub quantity: Quantity,
    pub reference: Vec<Option<f64>>,
    pub current: Vec<Option<f64>>,
    pub clustering: Option<Clustering>,
}

impl Column {
    /// Number of units that have a value.
    pub(super) fn count(values: &[Option<f64>]) -> usize {
        values.iter().flatten().count()
    }

    /// Difference of the sides.
    pub(super) fn effect(&self, seed: u64) -> Effect {
        effect::effect(
            [&self.reference, &self.current].map(|side| side.iter().flatten().copied().collect()),
            seed,
        )
    }

    /// Describes the column, with its t statistic and adjusted p-value.
    pub(super) fn finding(&self, statistic: Option<f64>, p_value: Option<f64>, seed: u64) -> Finding {
        Finding {
            family: Family::of(&self.feature),
            quantity: self.quantity,
            cases: [&self.reference, &self.current].map(|values| Self::count(values)),
            statistic,
            p_value,
            effect: self.effect(seed),
            clustering: self.clustering,
            feature: self.feature.clone(),
        }
    }
}

/// Returns the columns of all features that a reference table and the current images have in common.
pub(super) fn group(
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
        // The scale is that of the means: the mean of logarithms would depend on the size of the images.
        let means_of = |units: &Units, values: &[Option<f64>]| family::comparable(name, &units.means(values));
        let [reference, current] = [means_of(units, values), means_of(current_units, now)];
        let [values, now] = [values, now].map(|values| family::comparable(name, values));
        // A window of one case is described, but not judged.
        let needed = [MIN_REFERENCE, 2.min(current_units.len())];
        let found = [&reference, &current].map(|values| Column::count(values));
        if found[0] < needed[0] || found[1] < needed[1].max(1) {
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

/// Returns the t statistic and the adjusted p-value of each column. With too few cases to permute, the spreads are not
/// tested: they would halve the share of alpha of each mean, and a few cases cannot show that a minority is unusual.
pub(super) fn p_values(columns: &[Column], options: &Options) -> (Method, Vec<(Option<f64>, f64)>) {
    let data = |columns: &[Column]| {
        max_t::Data::new(columns.iter().map(|column| (&column.reference[..], &column.current[..])))
            .counting_increases_only(columns.iter().map(|column| column.quantity == Quantity::Spread))
    };
    let all = data(columns);
    if all.smallest_p_value() < options.alpha {
        return (Method::Permutation, all.p_values(options.seed));
    }
    let means = columns.iter().take_while(|column| column.quantity == Quantity::Mean).count();
    let mut p_values = student::p_values(&data(&columns[..means]));
    p_values.resize(columns.len(), (None, 1.0));
    (Method::StudentT, p_values)
}
