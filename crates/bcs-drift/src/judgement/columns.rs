//! The values that are compared: one per case and quantity.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::finding::{Finding, Quantity};
use super::units::{Grouped, Units};
use super::{Clustering, Effect, Family, MIN_REFERENCE, Method, Options};
use super::{clustering, effect, max_t, spread, student};
use crate::scale;
use crate::table::{Part, Values};

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
    part: &Part,
    units: &Units,
    current: &Part,
    current_units: &Units,
    skipped: &mut BTreeMap<String, String>,
) -> Vec<Column> {
    // A window of one case is described, but not judged.
    let needed = [MIN_REFERENCE, 2.min(current_units.len()).max(1)];
    let compare = |(name, values): (&String, &Values)| {
        let now = current.features.get(name).ok_or("missing in the current images")?;
        let (means, spreads) = pair(name, [units.group(values), current_units.group(now)]);
        let found = [&means.reference, &means.current].map(|values| Column::count(values));
        if found[0] < needed[0] || found[1] < needed[1] {
            return Err("too few cases have it");
        }
        Ok((means, spreads))
    };
    let features: Vec<_> = part.features.iter().collect();
    let compared: Vec<_> = features.par_iter().map(|feature| compare(*feature)).collect();
    let (mut means, mut spreads) = (Vec::new(), Vec::new());
    for ((name, _), compared) in features.into_iter().zip(compared) {
        match compared {
            Ok((mean, spread)) => {
                means.push(mean);
                spreads.extend(spread);
            }
            Err(reason) => _ = skipped.insert(name.clone(), reason.to_owned()),
        }
    }
    means.extend(spreads);
    means
}

/// Returns the means of the units of both sides, and their spreads, if images of the feature have one.
fn pair(feature: &str, mut sides: [Grouped; 2]) -> (Column, Option<Column>) {
    // The scale is that of the means: the mean of logarithms would depend on the size of the images.
    let on_scale = |mean: f64| scale::comparable(feature, mean);
    let means = sides.each_ref().map(|side| side.means().map(|mean| mean.map(on_scale)).collect());
    for side in &mut sides {
        side.values.iter_mut().for_each(|value| *value = on_scale(*value));
    }
    let clustering = clustering::clustering(&sides[0]);
    let column = |quantity, [reference, current]: [Vec<Option<f64>>; 2]| Column {
        feature: feature.to_owned(),
        quantity,
        reference,
        current,
        clustering,
    };
    let spreads = scale::least_spread(feature).and_then(|least| spread::spreads(sides, least));
    (column(Quantity::Mean, means), spreads.map(|spreads| column(Quantity::Spread, spreads)))
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
    let families: Vec<Family> = columns[..means].iter().map(|column| Family::of(&column.feature)).collect();
    let mut p_values = student::p_values(&data(&columns[..means]), &families);
    p_values.resize(columns.len(), (None, 1.0));
    (Method::StudentT, p_values)
}
