//! The metrics as tables, per class.

use bcs_model::metrics::{ConfusionScore, Reduced, Reduction};

use super::Evaluation;
use super::comparison::{Comparison, Tests, p_value, signed};
use super::estimates::{Estimate, Estimates};
use super::surface::Finite;
use crate::output::table::table;

impl Evaluation {
    /// Formats a row per class, and a line about the data set as a whole. A score that is undefined is shown as `–`.
    pub(crate) fn table(&self) -> String {
        let surface = &self.surface;
        let (scale, unit) = surface.mpp.map_or((1.0, "px"), |mpp| (mpp, "µm"));
        let distances = |distances: Vec<Finite>| -> Vec<String> {
            distances.into_iter().map(|distance| number(scale * distance.mean, 1)).collect()
        };
        let mean_dice = self.dice.aggregate(Reduction::MeanBatch);
        let columns = [
            ("class".to_owned(), self.classes.clone()),
            ("Dice".to_owned(), scores(&self.dice.pooled())),
            ("Dice/image".to_owned(), means(&mean_dice)),
            ("IoU".to_owned(), scores(&self.iou.pooled())),
            ("IoU/image".to_owned(), means(&self.iou.aggregate(Reduction::MeanBatch))),
            ("sens.".to_owned(), scores(&self.confusion.pooled(ConfusionScore::Sensitivity))),
            ("spec.".to_owned(), scores(&self.confusion.pooled(ConfusionScore::Specificity))),
            ("prec.".to_owned(), scores(&self.confusion.pooled(ConfusionScore::Precision))),
            (format!("HD95 {unit}"), distances(surface.finite_hausdorff())),
            (format!("ASD {unit}"), distances(surface.finite_distance())),
            ("NSD".to_owned(), means(&surface.dice.aggregate(Reduction::MeanBatch))),
            ("images".to_owned(), mean_dice.not_nans.iter().map(usize::to_string).collect()),
        ];
        let header: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let row = |class: usize| columns.iter().map(|(_, cells)| cells[class].clone()).collect();
        let rows: Vec<Vec<String>> = (0..self.classes.len()).map(row).collect();
        format!("{}\n\n{}", table(&header, &rows), self.notes())
    }

    fn notes(&self) -> String {
        let tolerance = self.surface.tolerance;
        let tolerance = match self.surface.mpp {
            Some(mpp) => format!("{tolerance} px ({} µm)", tolerance * mpp),
            None => format!("{tolerance} px"),
        };
        let generalized = self.generalized.aggregate(Reduction::Mean);
        format!(
            "Dice, IoU, sensitivity, specificity, precision: over all pixels; per image: mean of the images with the class\n\
             HD95: 95th percentile of the boundary distances; ASD: their mean; of the images where both masks have the \
             class\n\
             NSD: fraction of the boundaries within {tolerance} of each other\n\n\
             generalized Dice  {} over all pixels, {} per image",
            number(self.generalized.pooled(), 4),
            means(&generalized).concat(),
        )
    }
}

/// Formats the pooled scores of each class with their confidence intervals.
pub(super) fn intervals(classes: &[String], estimates: &Estimates) -> String {
    let cell = |estimate: &Estimate| match estimate.interval {
        Some(interval) => format!("{:.4} ({:.3}–{:.3})", estimate.value, interval.low, interval.high),
        None => number(estimate.value, 4),
    };
    let mean = vec!["mean of the counted".to_owned(), cell(&estimates.val_metric)];
    let rows = classes.iter().zip(&estimates.classes).map(|(class, estimates)| {
        std::iter::once(class.clone()).chain(estimates[..4].iter().map(cell)).collect()
    });
    let rows: Vec<Vec<String>> = rows.chain([mean]).collect();
    table(&["class", "Dice", "IoU", "precision", "recall"], &rows)
}

/// Formats the differences between two models.
pub(super) fn differences(classes: &[String], comparison: &Comparison) -> String {
    let p = |p: Option<f64>| p.map_or_else(|| "–".to_owned(), p_value);
    let row = |name: String, tests: &Tests| {
        let difference = &tests.difference;
        let range =
            difference.interval.map(|range| format!("{} to {}", signed(range.low), signed(range.high)));
        vec![
            name,
            number(tests.a, 4),
            number(tests.b, 4),
            if difference.value.is_finite() { signed(difference.value) } else { "–".to_owned() },
            range.unwrap_or_else(|| "–".to_owned()),
            p(tests.patients.p_value),
            p(tests.images.p_value),
        ]
    };
    let mut rows: Vec<Vec<String>> =
        classes.iter().zip(&comparison.classes).map(|(class, tests)| row(class.clone(), tests)).collect();
    rows.push(row("mean of the counted".to_owned(), &comparison.val_metric));
    table(&["pooled Dice", "A", "B", "B − A", "interval", "p by patient", "p by image"], &rows)
}

/// Formats scores in [0, 1].
fn scores(values: &[f64]) -> Vec<String> {
    values.iter().map(|value| number(*value, 4)).collect()
}

/// Formats means of scores; a mean of no value is undefined.
fn means(reduced: &Reduced) -> Vec<String> {
    let mean = |(value, count): (&f64, &usize)| number(if *count == 0 { f64::NAN } else { *value }, 4);
    reduced.values.iter().zip(&reduced.not_nans).map(mean).collect()
}

fn number(value: f64, digits: usize) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{value:.digits$}") }
}
