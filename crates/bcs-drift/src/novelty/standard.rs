//! Standardization of features.

use super::cases::{Cases, Row};
use crate::scale::least_deviation;

/// Mean and standard deviation of each feature over the images of a reference. Each case counts once, since the number of its
/// tiles says nothing about how common its tissue is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standard {
    centre: Vec<f64>,
    /// `None` for a feature that does not vary.
    deviations: Vec<Option<f64>>,
    /// Variance that each standardized feature has at least.
    pub(super) least: Vec<f64>,
}

impl Standard {
    pub(super) fn new(names: &[String], cases: &Cases) -> Self {
        let (centre, variances) = centre_and_variances(names.len(), cases);
        let resolutions: Vec<f64> = names.iter().map(|name| least_deviation(name)).collect();
        let deviation = |(variance, least): (&f64, &f64)| {
            Some(variance.sqrt().hypot(*least)).filter(|value| *value > 0.0)
        };
        let deviations: Vec<Option<f64>> = variances.iter().zip(&resolutions).map(deviation).collect();
        let share = |(least, deviation): (&f64, &Option<f64>)| {
            deviation.map_or(0.0, |deviation| (least / deviation).powi(2))
        };
        let least = resolutions.iter().zip(&deviations).map(share).collect();
        Self { centre, deviations, least }
    }

    /// Returns the features in standard deviations from the mean; `None` where the image lacks one, or it does not vary.
    pub(super) fn apply(&self, row: &Row) -> impl Iterator<Item = Option<f64>> {
        row.iter().zip(self.centre.iter().zip(&self.deviations)).map(|(value, (centre, deviation))| {
            let (value, deviation) = ((*value)?, (*deviation)?);
            Some((value - centre) / deviation)
        })
    }
}

/// Mean of each feature over the cases, and its variance over their images; each case counts once.
fn centre_and_variances(features: usize, cases: &Cases) -> (Vec<f64>, Vec<f64>) {
    let average = |feature: usize, of: &dyn Fn(f64) -> f64| {
        let means = cases.iter().filter_map(|rows| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row[feature]).map(of).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        });
        let (count, sum) = means.fold((0.0, 0.0), |(count, sum), mean| (count + 1.0, sum + mean));
        if count > 0.0 { sum / count } else { 0.0 }
    };
    let centre: Vec<f64> = (0..features).map(|feature| average(feature, &|value| value)).collect();
    let variance = |feature: usize| {
        let centre = centre[feature];
        // Below this, differences are rounding errors of values that are all equal.
        let noise = centre.abs() * 1e-12;
        average(feature, &|value| if (value - centre).abs() > noise { (value - centre).powi(2) } else { 0.0 })
    };
    let variances = (0..features).map(variance).collect();
    (centre, variances)
}
